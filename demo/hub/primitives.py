"""Python stand-ins for AMQP's primitive types, so that what was decoded is encoded as the same type again.

Python's own types stand for the commonest: ``int`` is a long, ``str`` a string, ``bytes`` a binary, ``float`` a
double, ``list`` a list, ``dict`` a map, ``UUID`` a uuid, ``bool`` and None themselves.
"""

from typing import Any, NamedTuple


class Symbol(str):
    """ASCII text from a domain of constants."""

    __slots__ = ()


class Ubyte(int):
    """0 to 2**8 - 1."""


class Ushort(int):
    """0 to 2**16 - 1."""


class Uint(int):
    """0 to 2**32 - 1."""


class Ulong(int):
    """0 to 2**64 - 1."""


class Byte(int):
    """-2**7 to 2**7 - 1."""


class Short(int):
    """-2**15 to 2**15 - 1."""


class Int(int):
    """-2**31 to 2**31 - 1."""


class Timestamp(int):
    """Milliseconds since 1970 in UTC."""


class Char(str):
    """One Unicode code point."""

    __slots__ = ()


class Float(float):
    """Binary32; values outside its precision are rounded when encoded."""

    __slots__ = ()


class Opaque(NamedTuple):
    """A value that Python has no type for (the three decimals): its constructor and bytes, kept as they came."""

    code: int
    raw: bytes


class Array(list[Any]):
    """A list whose items are all of one AMQP type; empty ones are encoded as arrays of symbols."""


class Described(NamedTuple):
    """A value with a descriptor that this program has no name for."""

    descriptor: Any
    value: Any
