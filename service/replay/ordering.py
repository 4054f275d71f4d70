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
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from models.stream import EPOCH, ActivityEvent, Actor

Order = Literal["auto", "time", "arrival"]

RUN: Final = 1 << 15
"""Events that are held in memory at once; about 30 MB."""

TEMPORARY: Final = "unwonted-"
"""What the names of folders with temporary files begin with."""

FAN_IN: Final = 64
"""Temporary files that are open at once."""

TOO_LATE_AT_MOST: Final = 0.001
"""Share of events that may come too late for an order still to be that of arrival."""

_BLOCK: Final = 256
STRAY: Final = timedelta(days=1)
ENOUGH: Final = 2
FARTHEST: Final = datetime(9000, 1, 1, tzinfo=UTC)  # a calendar that ends in 9999 needs room for what comes after

_WIDTH = 4
_ACTORS_KNOWN = 50_000

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[ActivityEvent]).decode
_new = tuple.__new__  # a named tuple's own constructor is a Python function, and half as fast


class Arrived(NamedTuple):
    """An event, and the time at which it is there, which never goes back."""

    arrival: datetime
    event: ActivityEvent


class _Run(NamedTuple):
    """Events in a temporary file; `first` and `last` are set if they are in order of time."""

    path: Path
    first: ActivityEvent | None = None
    last: ActivityEvent | None = None


class Sorter:
    """Takes events as they are read, and gives them back in order once all are there.

    Parameters
    ----------
    order
        ``time``, ``arrival`` (as they were added), or ``auto``: see the module.
    horizon
        How late an event may come and still be judged.
    run
        Events beyond which what is held in memory is written to a temporary file.
    folder
        Where temporary files stand, for the owner's eyes only; where `tempfile` puts them (``TMPDIR``) if None.

    Use it as a context manager: its temporary files go with it.
    """

    def __init__(self, order: Order, horizon: timedelta, *, run: int = RUN, folder: Path | None = None) -> None:
        self._order = order
        self._horizon = horizon
        self._run = run
        self._within = folder
        self._held: list[ActivityEvent] = []
        self._runs: list[_Run] = []
        self._resources = ExitStack()
        self._folder: Path | None = None
        self._named = 0
        self._in_order = True
        self.newest = EPOCH
        self._documents: set[int] = set()
        self.count = 0

    def __enter__(self) -> "Sorter":
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    def add(self, events: Sequence[ActivityEvent], document: int, *, recording: bool) -> None:
        """Take events of one document; `recording` says whether it may be a recording of what arrived.

        Raises
        ------
        OSError
            If a temporary file cannot be written.
        """
        self._documents.add(document if recording else -1)
        for event in events:
            if event.time < self.newest:
                self._in_order = False
            else:
                self.newest = event.time
            self._held.append(event)
        self.count += len(events)
        if len(self._held) >= self._run:
            self._runs.append(self._spill())
            self._held = []

    def events(self) -> Iterator[Arrived]:
        """Yield all events in order. To be called once, after the last was added.

        Raises
        ------
        OSError
            If a temporary file cannot be written or read.
        """
        found = self._arrived() if self.by_arrival() else self._by_time()
        return _with_one_object_an_actor(found) if self._runs else found

    def by_arrival(self) -> bool:
        """Whether the events are given back in the order in which they were added."""
        if self._order != "auto":
            return self._order == "arrival"
        if self._in_order or self._documents != {0}:
            return False
        too_late = sum(one.event.time < one.arrival - self._horizon for one in self._arrived())
        return too_late <= TOO_LATE_AT_MOST * self.count

    def _arrived(self) -> Iterator[Arrived]:
        reached = EPOCH
        for block, following in _with_next(_blocks(self._as_added())):
            times = [event.time for event in block]
            came = arrivals(times, [event.time for event in following], reached)
            for event, arrival in zip(block, came, strict=True):
                reached = max(reached, arrival)
                yield Arrived(reached, event)

    def _as_added(self) -> Iterator[ActivityEvent]:
        for run in self._runs:
            yield from _read(run.path)
        yield from self._held

    def _by_time(self) -> Iterator[Arrived]:
        # Events compare by their time, then by the rest of what they say.
        self._held.sort()
        for event in self._merged() if self._runs else self._held:
            yield Arrived(min(max(event.time, EPOCH), FARTHEST), event)

    def _merged(self) -> Iterable[ActivityEvent]:
        runs = [run if run.first else self._sorted(run) for run in self._runs]
        bounds = [*((run.first, run.last) for run in runs), *((event, event) for event in self._held[:1])]
        if all(last <= first for (_, last), (first, _) in pairwise(bounds) if last and first):
            return chain(chain.from_iterable(_read(run.path) for run in runs), self._held)
        paths = [run.path for run in runs]
        while len(paths) >= FAN_IN:
            group, paths = paths[: FAN_IN - 1], paths[FAN_IN - 1 :]
            paths.append(self._write(_blocks(heapq.merge(*map(_read, group))), replaces=group))
        return heapq.merge(*map(_read, paths), self._held)

    def _spill(self) -> _Run:
        """Write what is held to a temporary file: as it was added, as long as it may be a recording."""
        ordered = sorted(self._held)
        as_added = self._order == "arrival" or (self._order == "auto" and self._documents == {0})
        if as_added and ordered != self._held:
            return _Run(self._write([self._held]))
        return _Run(self._write([ordered]), ordered[0], ordered[-1])

    def _sorted(self, run: _Run) -> _Run:
        ordered = sorted(_read(run.path))
        return _Run(self._write([ordered], replaces=[run.path]), ordered[0], ordered[-1])

    def _write(self, blocks: Iterable[Sequence[ActivityEvent]], replaces: Sequence[Path] = ()) -> Path:
        """Write one run to a temporary file, and remove those that it replaces."""
        if self._folder is None:
            self._folder = Path(
                self._resources.enter_context(tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=self._within))
            )
        path = self._folder / str(self._named)
        self._named += 1
        with path.open("wb") as file:
            for block in blocks:
                for at in range(0, len(block), _BLOCK):
                    packed = _pack(block[at : at + _BLOCK])
                    file.write(len(packed).to_bytes(_WIDTH, "big") + packed)
        for run in replaces:
            run.unlink()
        return path


def _read(run: Path) -> Iterator[ActivityEvent]:
    with run.open("rb") as file:
        while width := file.read(_WIDTH):
            yield from _unpack(file.read(int.from_bytes(width, "big")))


def _blocks(events: Iterable[ActivityEvent]) -> Iterator[list[ActivityEvent]]:
    source = iter(events)
    while block := list(islice(source, _BLOCK)):
        yield block


def _with_next(
    blocks: Iterator[list[ActivityEvent]],
) -> Iterator[tuple[list[ActivityEvent], list[ActivityEvent]]]:
    """Pair each block with the one after it."""
    block = next(blocks, None)
    while block is not None:
        following = next(blocks, None)
        yield block, following or []
        block = following


def _with_one_object_an_actor(found: Iterable[Arrived]) -> Iterator[Arrived]:
    """Make equal actors one object, as the parser does: an engine holds many events."""
    actors: dict[Actor, Actor] = {}
    for arrival, event in found:
        if len(actors) > _ACTORS_KNOWN:
            actors.clear()
        yield Arrived(arrival, _new(ActivityEvent, (event[0], actors.setdefault(event[1], event[1]), *event[2:])))


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
    if max(times, default=newest) <= min(newest + STRAY, FARTHEST):  # nearly always: none of them can be stray
        return list(times)
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
