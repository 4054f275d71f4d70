"""Cuts a byte stream into AMQP frames, and builds frames; a transfer, the frame that there are millions of, by hand.

Source: OASIS AMQP 1.0, part 2.3 (framing).
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from demo.hub.codec import encode

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"
AMQP, SASL = 0, 1

_HEAD = struct.Struct(">IBBH")
_TRANSFER = struct.Struct(">IBBH6sBIBIHI8s")
_TRANSFER_LIST = b"\x00\x53\x14\xc0\x19\x0b"  # descriptor 0x14, list8 of 25 bytes and 11 fields
_LAST = b"\x43\x41\x42\x40\x40\x40\x40\x40"  # message-format 0, settled, more=false, five nulls
_MORE = b"\x43\x41\x41\x40\x40\x40\x40\x40"


class FramingError(ValueError):
    """The stream cannot be cut into frames."""


class Frame(NamedTuple):
    """A frame without its head; an empty body keeps the connection alive and says nothing."""

    kind: int
    channel: int
    body: bytes


class Framer:
    """Collects bytes as they come and gives out what is complete: protocol headers (``bytes``) and frames.

    Parameters
    ----------
    max_frame_size
        Bytes; a longer frame is an error, as it would be at the real service.
    """

    def __init__(self, max_frame_size: int) -> None:
        self.max_frame_size = max_frame_size
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes | Frame]:
        """Add `data`, yield what is complete.

        Raises
        ------
        FramingError
            When a size is impossible: less than a head, or more than `max_frame_size`.
        """
        self._rest += data
        at = 0
        try:
            while len(self._rest) - at >= _HEAD.size:
                size, offset, kind, channel = _HEAD.unpack_from(self._rest, at)
                if self._rest.startswith(b"AMQP", at):  # as a size it would be a gigabyte
                    at += 8
                    yield bytes(self._rest[at - 8 : at])
                    continue
                if size > self.max_frame_size or offset < 2 or size < 4 * offset:
                    raise FramingError(f"a frame of {size} bytes; the limit is {self.max_frame_size}")
                if len(self._rest) - at < size:
                    break
                at += size
                yield Frame(kind, channel, bytes(self._rest[at - size + 4 * offset : at]))
        finally:
            del self._rest[:at]


def frame(channel: int, performative: Any, payload: bytes = b"", kind: int = AMQP) -> bytes:
    """One frame with a performative and, for a transfer, its payload."""
    body = encode(performative)
    return _HEAD.pack(8 + len(body) + len(payload), 2, kind, channel) + body + payload


def transfers(channel: int, handle: int, delivery: int, payload: bytes, max_frame_size: int) -> list[bytes]:
    """A settled message as one or more transfer frames of at most `max_frame_size` bytes.

    The delivery's tag is its number.
    """
    room = max_frame_size - _TRANSFER.size
    if len(payload) <= room:  # nearly always: spare it the slicing
        return [_transfer(channel, handle, delivery, payload, _LAST)]
    parts = [payload[at : at + room] for at in range(0, len(payload), room)]
    frames = [_transfer(channel, handle, delivery, part, _MORE) for part in parts[:-1]]
    return [*frames, _transfer(channel, handle, delivery, parts[-1], _LAST)]


def _transfer(channel: int, handle: int, delivery: int, part: bytes, tail: bytes) -> bytes:
    size = _TRANSFER.size + len(part)
    fields = (_TRANSFER_LIST, 0x70, handle, 0x70, delivery, 0xA004, delivery, tail)
    return _TRANSFER.pack(size, 2, AMQP, channel, *fields) + part
