"""AMQP 1.0 types to bytes and back: nothing of frames, links or messages is known here.

Source: OASIS AMQP 1.0, part 1 (types), https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html
"""

import struct
from collections.abc import Callable
from typing import Any
from uuid import UUID

from demo.hub.primitives import (
    Array,
    Byte,
    Char,
    Described,
    Float,
    Int,
    Opaque,
    Short,
    Symbol,
    Timestamp,
    Ubyte,
    Uint,
    Ulong,
    Ushort,
)


class DecodeError(ValueError):
    """The bytes are not well-formed AMQP."""


Encoder = Callable[[Any], bytes]
Reader = Callable[[bytes, int], tuple[Any, int]]


def _fixed(code: int, layout: str) -> Encoder:
    pack = struct.Struct(">B" + layout).pack
    return lambda value: pack(code, value)


def _sized(small: int, large: int, data: bytes) -> bytes:
    size = len(data)
    return bytes((small, size)) + data if size < 256 else struct.pack(">BI", large, size) + data


def _compound(small: int, large: int, count: int, data: bytes) -> bytes:
    size = len(data)
    if count < 256 and size < 255:
        return bytes((small, size + 1, count)) + data
    return struct.pack(">BII", large, size + 4, count) + data


def _unsigned(zero: int, small: int, wide: Encoder) -> Encoder:
    def write(value: int) -> bytes:
        if value == 0:
            return bytes((zero,))
        return bytes((small, value)) if 0 < value < 256 else wide(value)

    return write


def _signed(small: int, wide: Encoder) -> Encoder:
    return lambda value: bytes((small, value & 0xFF)) if -128 <= value < 128 else wide(value)


def _write_list(value: list[Any]) -> bytes:
    return encode_list([encode(item) for item in value])


def encode_list(items: list[bytes]) -> bytes:
    """Encode a list whose items are encoded already.

    Never as the one-byte empty list: some decoders, the SDK's among them, want the size and the count.
    """
    return _compound(0xC0, 0xD0, len(items), b"".join(items))


def _write_map(value: dict[Any, Any]) -> bytes:
    return _compound(0xC1, 0xD1, 2 * len(value), b"".join(encode(key) + encode(item) for key, item in value.items()))


# In an array every item shares one constructor, so each type has its widest form here.
_WIDE: dict[type, tuple[int, Encoder]] = {
    bool: (0x56, struct.Struct(">?").pack),
    Ubyte: (0x50, struct.Struct(">B").pack),
    Ushort: (0x60, struct.Struct(">H").pack),
    Uint: (0x70, struct.Struct(">I").pack),
    Ulong: (0x80, struct.Struct(">Q").pack),
    Byte: (0x51, struct.Struct(">b").pack),
    Short: (0x61, struct.Struct(">h").pack),
    Int: (0x71, struct.Struct(">i").pack),
    int: (0x81, struct.Struct(">q").pack),
    Timestamp: (0x83, struct.Struct(">q").pack),
    Float: (0x72, struct.Struct(">f").pack),
    float: (0x82, struct.Struct(">d").pack),
    Char: (0x73, lambda value: value.encode("utf-32-be")),
    UUID: (0x98, lambda value: value.bytes),
    bytes: (0xB0, lambda value: struct.pack(">I", len(value)) + value),
    str: (0xB1, lambda value: _WIDE[bytes][1](value.encode())),
    Symbol: (0xB3, lambda value: _WIDE[bytes][1](value.encode("ascii"))),
}


def _write_array(value: Array) -> bytes:
    kind = type(value[0]) if value else Symbol
    if kind not in _WIDE or any(type(item) is not kind for item in value):
        raise TypeError("an array's items must be of one primitive type")
    code, write = _WIDE[kind]
    data = bytes((code,)) + b"".join(map(write, value))
    return _compound(0xE0, 0xF0, len(value), data)


_ENCODERS: dict[type, Encoder] = {
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    Ubyte: _fixed(0x50, "B"),
    Ushort: _fixed(0x60, "H"),
    Uint: _unsigned(0x43, 0x52, _fixed(0x70, "I")),
    Ulong: _unsigned(0x44, 0x53, _fixed(0x80, "Q")),
    Byte: _fixed(0x51, "b"),
    Short: _fixed(0x61, "h"),
    Int: _signed(0x54, _fixed(0x71, "i")),
    int: _signed(0x55, _fixed(0x81, "q")),
    Timestamp: _fixed(0x83, "q"),
    Float: _fixed(0x72, "f"),
    float: _fixed(0x82, "d"),
    Char: lambda value: b"\x73" + value.encode("utf-32-be"),
    UUID: lambda value: b"\x98" + value.bytes,
    bytes: lambda value: _sized(0xA0, 0xB0, value),
    str: lambda value: _sized(0xA1, 0xB1, value.encode()),
    Symbol: lambda value: _sized(0xA3, 0xB3, value.encode("ascii")),
    Opaque: lambda value: bytes((value.code,)) + value.raw,
    Array: _write_array,
    list: _write_list,
    dict: _write_map,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
}


def encode(value: Any) -> bytes:
    """Encode one value in the shortest form of its AMQP type.

    Raises
    ------
    TypeError
        For a value of another type than those above.
    struct.error
        For a number out of its type's range.

    Examples
    --------
    >>> encode("unwonted").hex(), encode(Uint(0)).hex(), encode(-1).hex()
    ('a108756e776f6e746564', '43', '55ff')
    """
    try:
        write = _ENCODERS[type(value)]
    except KeyError:
        raise TypeError(f"no AMQP type for {type(value).__name__}") from None
    return write(value)


def register(kind: type, write: Encoder, descriptor: int, read: Callable[[Any], Any]) -> None:
    """Teach the codec a composite type: how to write it, and what to make of a value under its descriptor."""
    _ENCODERS[kind] = write
    _COMPOSITES[descriptor] = read


_COMPOSITES: dict[Any, Callable[[Any], Any]] = {}


def _read_fixed(layout: str, kind: Callable[[Any], Any]) -> Reader:
    form = struct.Struct(">" + layout)

    def read(data: bytes, at: int) -> tuple[Any, int]:
        return kind(form.unpack_from(data, at)[0]), at + form.size

    return read


def _read_sized(width: str, kind: Callable[[bytes], Any]) -> Reader:
    form = struct.Struct(">" + width)

    def read(data: bytes, at: int) -> tuple[Any, int]:
        start = at + form.size
        end = start + form.unpack_from(data, at)[0]
        if end > len(data):
            raise DecodeError("a value is longer than its frame")
        return kind(data[start:end]), end

    return read


def _header(data: bytes, at: int, width: str) -> tuple[int, int, int]:
    size, count = struct.unpack_from(">" + 2 * width, data, at)
    step = struct.calcsize(width)
    end = at + step + size
    if end > len(data) or count > size:
        raise DecodeError("a compound value is longer than its frame")
    return at + 2 * step, end, count


def _read_list(width: str) -> Reader:
    def read(data: bytes, at: int) -> tuple[list[Any], int]:
        at, end, count = _header(data, at, width)
        items = []
        for _ in range(count):
            item, at = _read(data, at)
            items.append(item)
        if at != end:
            raise DecodeError("a list does not fill its size")
        return items, end

    return read


def _read_map(width: str) -> Reader:
    items = _read_list(width)

    def read(data: bytes, at: int) -> tuple[dict[Any, Any], int]:
        flat, end = items(data, at)
        if len(flat) % 2:
            raise DecodeError("a map with a key and no value")
        return dict(zip(flat[::2], flat[1::2], strict=True)), end

    return read


def _read_array(width: str) -> Reader:
    def read(data: bytes, at: int) -> tuple[Array, int]:
        at, end, count = _header(data, at, width)
        code, at = data[at], at + 1
        descriptor = None
        if code == 0:
            descriptor, at = _read(data, at)
            code, at = data[at], at + 1
        items = Array()
        for _ in range(count):
            item, at = _READERS[code](data, at)
            items.append(item if descriptor is None else _describe(descriptor, item))
        if at != end:
            raise DecodeError("an array does not fill its size")
        return items, end

    return read


def _describe(descriptor: Any, value: Any) -> Any:
    known = _COMPOSITES.get(descriptor) if type(descriptor) is Ulong else None
    return known(value) if known else Described(descriptor, value)


def _read_described(data: bytes, at: int) -> tuple[Any, int]:
    descriptor, at = _read(data, at)
    value, at = _read(data, at)
    return _describe(descriptor, value), at


def _read_opaque(code: int, width: int) -> Reader:
    def read(data: bytes, at: int) -> tuple[Opaque, int]:
        if at + width > len(data):
            raise DecodeError("a decimal is longer than its frame")
        return Opaque(code, data[at : at + width]), at + width

    return read


def _text(data: bytes) -> str:
    return data.decode()


def _symbol(data: bytes) -> Symbol:
    return Symbol(data.decode("ascii"))


_READERS: dict[int, Reader] = {
    0x00: _read_described,
    0x40: lambda _, at: (None, at),
    0x41: lambda _, at: (True, at),
    0x42: lambda _, at: (False, at),
    0x43: lambda _, at: (Uint(0), at),
    0x44: lambda _, at: (Ulong(0), at),
    0x45: lambda _, at: ([], at),
    0x50: _read_fixed("B", Ubyte),
    0x51: _read_fixed("b", Byte),
    0x52: _read_fixed("B", Uint),
    0x53: _read_fixed("B", Ulong),
    0x54: _read_fixed("b", Int),
    0x55: _read_fixed("b", int),
    0x56: _read_fixed("?", bool),
    0x60: _read_fixed("H", Ushort),
    0x61: _read_fixed("h", Short),
    0x70: _read_fixed("I", Uint),
    0x71: _read_fixed("i", Int),
    0x72: _read_fixed("f", Float),
    0x73: _read_fixed("4s", lambda raw: Char(raw.decode("utf-32-be"))),
    0x74: _read_opaque(0x74, 4),
    0x80: _read_fixed("Q", Ulong),
    0x81: _read_fixed("q", int),
    0x82: _read_fixed("d", float),
    0x83: _read_fixed("q", Timestamp),
    0x84: _read_opaque(0x84, 8),
    0x94: _read_opaque(0x94, 16),
    0x98: _read_fixed("16s", lambda raw: UUID(bytes=raw)),
    0xA0: _read_sized("B", bytes),
    0xA1: _read_sized("B", _text),
    0xA3: _read_sized("B", _symbol),
    0xB0: _read_sized("I", bytes),
    0xB1: _read_sized("I", _text),
    0xB3: _read_sized("I", _symbol),
    0xC0: _read_list("B"),
    0xC1: _read_map("B"),
    0xD0: _read_list("I"),
    0xD1: _read_map("I"),
    0xE0: _read_array("B"),
    0xF0: _read_array("I"),
}


def _read(data: bytes, at: int) -> tuple[Any, int]:
    return _READERS[data[at]](data, at + 1)


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """Decode the value that begins at `at`; returns it and where the next one begins.

    Raises
    ------
    DecodeError
        For anything malformed: truncated, sizes that lie, unknown constructors, keys that cannot be keys,
        nesting beyond the interpreter's stack.

    Examples
    --------
    >>> decode(encode({"a": [1, Symbol("b")]}))
    ({'a': [1, 'b']}, 14)
    """
    try:
        return _read(data, at)
    except (struct.error, IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, DecodeError):
            raise
        raise DecodeError(f"malformed AMQP value: {type(error).__name__}") from error
