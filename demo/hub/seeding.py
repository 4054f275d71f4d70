"""Fills a hub from files of records, at a chosen rate.

Takes newline-delimited JSON, gzipped or not: a line is a record, or an envelope ``{"records": […]}`` that becomes a
message as it stands. Lines that are not JSON travel too: hubs carry such messages, and readers must survive them.
"""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from demo.hub.server import EmbeddedHub
from service.core.ports import Clock


class _Envelope(msgspec.Struct):
    records: msgspec.Raw


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file that are not blank; gunzips what is named ``.gz``."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        for line in file:
            if stripped := line.strip():
                yield stripped


def bodies(records: Iterable[bytes], per_message: int = 1) -> Iterator[bytes]:
    """Message bodies: envelopes pass, single records are put together, `per_message` to an envelope, in order.

    Examples
    --------
    >>> list(bodies([b'{"a":1}', b'{"a":2}', b'{"records":[]}', b'{"a":3}'], per_message=2))
    [b'{"records":[{"a":1},{"a":2}]}', b'{"records":[]}', b'{"records":[{"a":3}]}']
    """
    waiting: list[bytes] = []
    for record in records:
        whole = _is_envelope(record)
        if not whole:
            waiting.append(record)
        if waiting and (whole or len(waiting) == per_message):
            yield b'{"records":[' + b",".join(waiting) + b"]}"
            waiting.clear()
        if whole:
            yield record
    if waiting:
        yield b'{"records":[' + b",".join(waiting) + b"]}"


def _is_envelope(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=_Envelope)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


async def feed(hub: EmbeddedHub, messages: Iterable[bytes], rate: float, clock: Clock) -> int:
    """Append to all partitions in turn; returns how many.

    Parameters
    ----------
    rate
        Messages a second; 0: as fast as it goes, without starving the connections.
    """
    start = clock.elapsed()
    number = 0
    for number, body in enumerate(messages, 1):
        hub.append(None, body)
        if rate > 0:
            await clock.sleep(start + number / rate - clock.elapsed())
        elif number % 500 == 0:
            await clock.sleep(0)
    return number
