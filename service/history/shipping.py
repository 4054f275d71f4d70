"""Keeps the history elsewhere as well, an hour a segment, for a pod that has no volume; and fetches it from there.

Nobody waits for it, and nothing depends on it: what cannot be reached is tried again, and said in one line of the log.
Two instances may do so at once: a segment is replaced only by whoever has put in what it held before.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import structlog

from models.stream import EPOCH
from service.core.ports import Clock, Segment, SegmentChanged, SegmentStore
from service.history import changes, segments
from service.history.reading import FOREVER
from service.history.recorder import Recorder
from service.history.retention import HistoryLimits, used
from service.history.schema import NewerHistory, open_to_write
from service.waiting import Occupied, OneAside, within

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

_DAY: Final = 86_400
_AT_ONCE: Final = 24  # segments that are fetched before it is looked again what has changed
_FILLED: Final = 0.8  # of the room here: what is fetched beyond it would soon be taken out
_EXPIRE_EVERY: Final = 3_600.0
_TRIES: Final = 5
_FREE_AGAIN: Final = 0.1  # seconds
_NAMED: Final = 5
_UNUSABLE: Final = (sqlite3.DatabaseError, ValueError)


class ShippingPace(NamedTuple):
    """How often it is looked what has changed, and how long one step may take; in seconds.

    An hour that changes from one look to the next is left to settle, but not for longer than `settle`: else what comes
    late would have it shipped again and again.
    """

    every: float = 60.0
    step: float = 60.0
    settle: float = 600.0


class Shipping:
    """A history on this machine, and its segments in a store.

    Parameters
    ----------
    path
        The history.
    store
        Keeps the segments.
    recorder
        Writes the history.
    limits
        How long a segment is kept, and how much of it is fetched.
    clock
        Tells when to look again.
    pace
        How often that is.

    Attributes
    ----------
    unshipped
        Hours that have changed and were not in a segment at the last look.
    """

    def __init__(
        self,
        path: Path,
        store: SegmentStore,
        recorder: Recorder,
        limits: HistoryLimits,
        clock: Clock,
        pace: ShippingPace = ShippingPace(),  # noqa: B008 - immutable
    ) -> None:
        self._path = path
        self._store = store
        self._recorder = recorder
        self._limits = limits
        self._clock = clock
        self._pace = pace
        self._aside = OneAside(pace.step)
        self.unshipped = 0
        self._to_fetch: list[Segment] | None = None
        self._fetched = 0
        self._left_alone: set[int] = set()
        self._changing: dict[int, tuple[int, float]] = {}
        self._expired_at = -_EXPIRE_EVERY
        self._trouble = ""
        self._is_told = False

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return bool(self._trouble)

    async def run(self) -> None:
        """Ship what changes, and fetch what is missing, until cancelled."""
        more = False
        while True:
            try:
                # First it must stand there where this life goes on from: what was closed after that happens again.
                if self._is_told or await self._drain():
                    await self._ship()
                    more = await self._fetch()
                    await self._expire()
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody else may suffer from it
                more = False
                self._tell(error)
            else:
                self._tell(None)
            await self._clock.sleep(0.0 if more else self._pace.every)

    async def finish(self) -> None:
        """Ship what is left, at the end, for as long as the caller waits; never raises for anything that goes wrong."""
        try:
            while not await self._when_free():
                await self._clock.sleep(_FREE_AGAIN)
            if self._is_told:
                await self._ship(at_once=True)
        except Exception as error:  # noqa: BLE001 - as above
            self._tell(error)

    async def _drain(self) -> bool:
        self._is_told = await self._aside.run(self._recorder.drain, self._pace.step / 2) or self._is_told
        return self._is_told

    async def _when_free(self) -> bool:
        """Have written what waits; returns whether that was begun: what `run` was cancelled in may still be at it."""
        try:
            await self._drain()
        except Occupied:
            return False
        return True

    async def _ship(self, *, at_once: bool = False) -> None:
        """Put every hour that has changed and has settled since, or with `at_once` every one, into its segment."""
        changed = await self._aside.run(_unshipped, self._path)
        self.unshipped = len(changed)
        for hour, change in changed:
            if hour not in self._left_alone and (at_once or self._has_settled(hour, change)):
                await self._ship_hour(hour, change)
                self.unshipped -= 1

    async def _ship_hour(self, hour: int, change: int) -> None:
        tag = known = (await self._aside.run(_known, self._path)).get(hour)
        if tag is None and (found := await self._bounded(self._store.get(hour))) is not None:
            tag = found.tag
            if await self._put_in(hour, found.data, tag):
                known = tag
            elif hour in self._left_alone:
                return
        data = await self._aside.run(segments.cut, self._path, hour)
        if (await self._aside.run(_known, self._path)).get(hour) != known:
            return  # it was taken out here meanwhile, for want of room: what is in its segment stays there
        try:
            if data is not None:
                tag = await self._bounded(self._store.put(hour, data, tag))
            elif tag is not None:
                await self._bounded(self._store.delete(hour, tag))
                tag = None
        except SegmentChanged:  # by another instance, or by whoever forgets: theirs is put in before it is replaced
            await self._aside.run(_forget_tag, self._path, hour)
        else:
            await self._aside.run(_shipped, self._path, hour, change, tag)
            self._changing.pop(hour, None)

    def _has_settled(self, hour: int, change: int) -> bool:
        """Whether an hour is as it was at the last look, or has been changing for long enough."""
        now = self._clock.elapsed()
        before, since = self._changing.get(hour, (0, now))
        self._changing[hour] = change, since
        return change == before or now - since >= self._pace.settle

    async def _fetch(self) -> bool:
        """Put some of the segments in that are missing here, newest first; returns whether there are more."""
        if self._to_fetch is None:
            there = await self._bounded(self._store.names())
            here = await self._aside.run(_known, self._path)
            newest = max((one.hour for one in there), default=0)
            missing = (one for one in there if here.get(one.hour) != one.tag and one.hour not in self._left_alone)
            self._to_fetch = sorted(one for one in missing if not self._is_old(one.hour, newest))
        for _ in range(_AT_ONCE):
            if self._to_fetch and await self._aside.run(_used, self._path) > _FILLED * self._limits.most_bytes:
                self._to_fetch.clear()
            if not self._to_fetch:
                if self._fetched:
                    _log.info("history_fetched", path=str(self._path), segments=self._fetched)
                    self._fetched = 0
                return False
            hour = self._to_fetch[-1].hour
            found = await self._bounded(self._store.get(hour))
            if found is not None:
                self._fetched += await self._put_in(hour, found.data, found.tag)
            self._to_fetch.pop()
        return True

    async def _put_in(self, hour: int, data: bytes, tag: str) -> bool:
        """Put a segment in; returns whether that could be done.

        One that is damaged is replaced when the hour changes, one of a newer version never is.
        """
        try:
            await self._aside.run(segments.put_in, self._path, hour, data, tag)
        except NewerHistory as error:
            self._left_alone.add(hour)
            _log.error("history_segment_unusable", hour=_written(hour), error=str(error))
        except _UNUSABLE as error:
            _log.error("history_segment_unusable", hour=_written(hour), error=_why(error))
        else:
            return True
        return False

    async def _expire(self) -> None:
        """Delete segments that are older than a history reaches back."""
        now = self._clock.elapsed()
        if now - self._expired_at < _EXPIRE_EVERY:
            return
        there = await self._bounded(self._store.names())
        newest = max((one.hour for one in there), default=0)
        for one in there:
            if self._is_old(one.hour, newest):
                with suppress(SegmentChanged):
                    await self._bounded(self._store.delete(one.hour, one.tag))
        self._expired_at = now

    def _is_old(self, hour: int, newest: int) -> bool:
        return hour < newest - self._limits.days * _DAY

    def _bounded(self, work: Awaitable[_T]) -> Awaitable[_T]:
        return within(None, self._pace.step, work)

    def _tell(self, error: Exception | None) -> None:
        """Say what the matter is, once; and that it is over."""
        known, self._trouble = self._trouble, "" if error is None else str(error) or type(error).__name__
        if self._trouble and not known:
            _log.error("history_not_shipped", error=self._trouble)
        elif known and not self._trouble:
            _log.info("history_shipped_again", path=str(self._path))


async def fetch_segments(store: SegmentStore, path: Path) -> int:
    """Put all segments that are missing into a history, for whoever works on it while no service runs.

    Returns how many those were.

    Raises
    ------
    OSError, sqlite3.OperationalError
        The store cannot be reached, or there is no room here.
    ValueError
        A segment is damaged, or a newer version has made it; the text says which.
    """
    here = await asyncio.to_thread(_known, path)
    missing = sorted(one.hour for one in await store.names() if here.get(one.hour) != one.tag)
    for hour in missing:
        if (found := await store.get(hour)) is not None:
            try:
                await asyncio.to_thread(segments.put_in, path, hour, found.data, found.tag)
            except _UNUSABLE as error:
                raise ValueError(f"the segment of {_written(hour)} cannot be used: {_why(error)}") from error
    return len(missing)


async def forget_in_segments(
    store: SegmentStore, folder: Path, actor: str, since: datetime = EPOCH, until: datetime = FOREVER
) -> int:
    """Take what one identity did in the buckets that begin in ``[since, until)`` out of all segments.

    Returns how many had any of it.

    Parameters
    ----------
    folder
        Where segments are taken apart, one at a time.

    Raises
    ------
    OSError, sqlite3.OperationalError
        The store cannot be reached, somebody else goes on writing there, or there is no room here.
    ValueError
        Segments are damaged, or a newer version has made them; it is taken out of all others. The text says which.
    """
    changed, unusable = 0, []
    for hour in sorted(one.hour for one in await store.names()):
        try:
            changed += await _forget_in(store, folder, hour, actor, since, until)
        except _UNUSABLE as error:
            unusable.append(f"{_written(hour)} ({_why(error)})")
    if unusable:
        more = f" and {len(unusable) - _NAMED:,} more" if len(unusable) > _NAMED else ""
        raise ValueError(f"taken out of all segments but {', '.join(unusable[:_NAMED])}{more}, which cannot be used")
    return changed


async def _forget_in(
    store: SegmentStore, folder: Path, hour: int, actor: str, since: datetime, until: datetime
) -> bool:
    """Take it out of one segment; returns whether that had any of it."""
    for _ in range(_TRIES):
        found = await store.get(hour)
        rest = None
        if found is not None:
            rest = await asyncio.to_thread(segments.purged, folder, found.data, actor, since, until)
        if found is None or rest is None:
            return False
        with suppress(SegmentChanged):
            await store.put(hour, rest, found.tag)
            return True
    raise OSError(f"the segment of {_written(hour)} is written all the time by somebody else")


def _why(error: Exception) -> str:
    """Return why a segment cannot be used; raise what is no fault of the segment: locked, or no room."""
    if isinstance(error, sqlite3.OperationalError):
        raise error
    return str(error)


def _unshipped(path: Path) -> Sequence[tuple[int, int]]:
    if not path.is_file():
        return []
    with closing(open_to_write(path)) as connection:
        return changes.unshipped(connection)


def _known(path: Path) -> dict[int, str]:
    with closing(open_to_write(path)) as connection:
        return changes.known(connection)


def _used(path: Path) -> int:
    with closing(open_to_write(path)) as connection:
        return used(connection)


def _shipped(path: Path, hour: int, change: int, tag: str | None) -> None:
    with closing(open_to_write(path)) as connection:
        changes.shipped(connection, hour, change, tag)


def _forget_tag(path: Path, hour: int) -> None:
    with closing(open_to_write(path)) as connection:
        changes.note(connection, hour, None)


def _written(hour: int) -> str:
    return f"{datetime.fromtimestamp(hour, EPOCH.tzinfo):%Y-%m-%dT%H}"
