"""Puts events in order in bounded memory: sorted by time through runs in temporary files, or as they arrived.

Which of the two is a question of what is read. One file of lines in which hardly anything would come too late is a
recording of what arrived, and its order says what a service would have known when. Everything else (exports that begin
with the newest, an archive of thousands of files) has no such order: it is sorted by time, and events of the same time
by what they say, so that neither the order of files nor their format nor how they were split changes anything.
"""

import heapq
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple

import msgspec

from models.stream import EPOCH, ActivityEvent, Actor

Order = Literal["auto", "time", "arrival"]

RUN: Final = 1 << 16
"""Events that are held in memory at once; about 40 MB."""

FAN_IN: Final = 64
"""Temporary files that are open at once."""

TOO_LATE_AT_MOST: Final = 0.001
"""Share of events that may come too late for an order still to be that of arrival."""

BLOCK: Final = 256
STRAY: Final = timedelta(days=1)
ENOUGH: Final = 2
FARTHEST: Final = datetime(9000, 1, 1, tzinfo=UTC)  # a calendar that ends in 9999 needs room for what comes after

_WIDTH = 4
_ACTORS_KNOWN = 50_000


class _Kept(NamedTuple):
    """One event, packed; compares by time, then by content."""

    time: datetime
    event: bytes


_pack = msgspec.msgpack.Encoder().encode
_unpack_event = msgspec.msgpack.Decoder(ActivityEvent).decode
_unpack_block = msgspec.msgpack.Decoder(list[_Kept]).decode


class Arrived(NamedTuple):
    """An event, and the time at which it is there, which never goes back."""

    arrival: datetime
    event: ActivityEvent


class Sorter:
    """Takes events as they are read, and gives them back in order once all are there.

    Parameters
    ----------
    order
        ``time``, ``arrival`` (as they were added), or ``auto``: see the module.
    horizon
        How late an event may come and still be judged.
    run
        Events that are held in memory at once.

    Use it as a context manager: its temporary files go with it. They stand where `tempfile` puts them (``TMPDIR``),
    for the owner's eyes only.
    """

    def __init__(self, order: Order, horizon: timedelta, *, run: int = RUN) -> None:
        self._order = order
        self._horizon = horizon
        self._run = run
        self._held: list[_Kept] = []
        self._runs: list[Path] = []
        self._resources = ExitStack()
        self._folder: Path | None = None
        self._named = 0
        self._in_order = True
        self._newest = EPOCH
        self._documents: set[int] = set()
        self.count = 0

    def __enter__(self) -> "Sorter":
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    def add(self, events: Iterable[ActivityEvent], document: int, *, recording: bool) -> None:
        """Take events of one document; `recording` says whether it may be a recording of what arrived.

        Raises
        ------
        OSError
            If a temporary file cannot be written.
        """
        self._documents.add(document if recording else -1)
        for event in events:
            if event.time < self._newest:
                self._in_order = False
            else:
                self._newest = event.time
            self._held.append(_Kept(event.time, _pack(event)))
            self.count += 1
            if len(self._held) == self._run:
                self._runs.append(self._write([self._held]))
                self._held = []

    def events(self) -> Iterator[Arrived]:
        """Yield all events in order. To be called once, after the last was added.

        Raises
        ------
        OSError
            If a temporary file cannot be written or read.
        """
        actors: dict[Actor, Actor] = {}
        for arrival, kept in self._arrived() if self.by_arrival() else self._by_time():
            event = _unpack_event(kept.event)
            if len(actors) > _ACTORS_KNOWN:
                actors.clear()
            # Equal actors are one object, as from the parser: an engine holds many events.
            yield Arrived(arrival, event._replace(actor=actors.setdefault(event.actor, event.actor)))

    def by_arrival(self) -> bool:
        """Whether the events are given back in the order in which they were added."""
        if self._order != "auto":
            return self._order == "arrival"
        if self._in_order or self._documents != {0}:
            return False
        too_late = sum(kept.time < arrival - self._horizon for arrival, kept in self._arrived())
        return too_late <= TOO_LATE_AT_MOST * self.count

    def _arrived(self) -> Iterator[tuple[datetime, _Kept]]:
        reached = EPOCH
        for block, following in _with_next(self._in_blocks()):
            times = [kept.time for kept in block]
            for kept, arrival in zip(block, arrivals(times, [kept.time for kept in following], reached), strict=True):
                reached = max(reached, arrival)
                yield reached, kept

    def _in_blocks(self) -> Iterator[list[_Kept]]:
        def one_by_one() -> Iterator[_Kept]:
            for run in self._runs:
                yield from _read(run)
            yield from self._held

        source = one_by_one()
        while block := list(islice(source, BLOCK)):
            yield block

    def _by_time(self) -> Iterator[tuple[datetime, _Kept]]:
        self._held.sort()
        if not self._runs:
            merged: Iterable[_Kept] = self._held
        else:
            runs = [self._write([sorted(_read(run))], replaces=[run]) for run in self._runs]
            while len(runs) >= FAN_IN:
                group, runs = runs[: FAN_IN - 1], runs[FAN_IN - 1 :]
                runs.append(self._write(_blocks(heapq.merge(*map(_read, group))), replaces=group))
            merged = heapq.merge(*map(_read, runs), self._held)
        return ((min(max(kept.time, EPOCH), FARTHEST), kept) for kept in merged)

    def _write(self, blocks: Iterable[Sequence[_Kept]], replaces: Sequence[Path] = ()) -> Path:
        """Write one run to a temporary file, and remove those that it replaces."""
        if self._folder is None:
            self._folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="unwonted-")))
        path = self._folder / str(self._named)
        self._named += 1
        with path.open("wb") as file:
            for block in blocks:
                for at in range(0, len(block), BLOCK):
                    packed = _pack(block[at : at + BLOCK])
                    file.write(len(packed).to_bytes(_WIDTH, "big") + packed)
        for run in replaces:
            run.unlink()
        return path


def _read(run: Path) -> Iterator[_Kept]:
    with run.open("rb") as file:
        yield from _kept(file)


def _kept(file: BinaryIO) -> Iterator[_Kept]:
    while width := file.read(_WIDTH):
        yield from _unpack_block(file.read(int.from_bytes(width, "big")))


def _blocks(kept: Iterable[_Kept]) -> Iterator[list[_Kept]]:
    source = iter(kept)
    while block := list(islice(source, BLOCK)):
        yield block


def _with_next(blocks: Iterator[list[_Kept]]) -> Iterator[tuple[list[_Kept], list[_Kept]]]:
    """Pair each block with the one after it."""
    block = next(blocks, None)
    while block is not None:
        following = next(blocks, None)
        yield block, following or []
        block = following


def arrivals(times: Sequence[datetime], coming: Sequence[datetime], newest: datetime) -> list[datetime]:
    """Return when each event came, at the latest: at its own time, unless that is a stray one.

    A time more than a day ahead of all before it is stray if most of what comes after it is more than a day older:
    were it believed, all of that would be too late.

    Parameters
    ----------
    times, coming
        Times of the events in question, and of those that come next.
    newest
        The newest arrival before them.
    """
    found = []
    for at, time in enumerate(times):
        arrival = min(time, FARTHEST)
        if time > newest + STRAY:
            later = [*times[at + 1 :], *coming]
            older = [one for one in later if one < time - STRAY]
            if len(older) * 2 > len(later) >= ENOUGH:
                arrival = max(newest, min(older))
        newest = max(newest, arrival)
        found.append(arrival)
    return found
