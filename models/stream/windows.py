"""Event time cut into buckets, and the watermark that says which buckets can no longer change.

What is put into a bucket, and what is made of a closed one, is left to others.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from models.stream.json_value import Json
from models.stream.rows import fields

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Bucket(NamedTuple):
    """A half-open stretch of event time ``[start, start + width)``, aligned to the epoch.

    >>> from datetime import UTC, datetime, timedelta
    >>> Bucket.of(datetime(2026, 3, 1, 10, 59, tzinfo=UTC), timedelta(hours=1)).start.isoformat()
    '2026-03-01T10:00:00+00:00'
    """

    start: datetime
    width: timedelta

    @classmethod
    def of(cls, time: datetime, width: timedelta) -> "Bucket":
        """Return the bucket of that width in which `time` falls."""
        return cls(time - (time - EPOCH) % width, width)

    @property
    def end(self) -> datetime:
        """First instant after the bucket."""
        return self.start + self.width

    @property
    def hours(self) -> float:
        """Hours from the epoch to the bucket's start: the time axis of every decaying weight."""
        return _hours(self.start)


@lru_cache(maxsize=256)
def _hours(start: datetime) -> float:
    # Remembered not for speed alone: every identity of a bucket keeps the very same number.
    return (start - EPOCH).total_seconds() / 3600.0


class Watermark:
    """How far event time is complete: the minimum over partitions, never backwards.

    Each partition's own mark is its newest event time less `lateness`. A partition that has been silent and is
    caught up may be moved on by `idle`; one that is merely slow holds the others back, as it must.

    Parameters
    ----------
    lateness
        How much later than a newer event of its partition an event may still arrive and count as on time.

    Examples
    --------
    >>> from datetime import UTC, datetime, timedelta
    >>> mark = Watermark(timedelta(minutes=30))
    >>> mark.expect("1")
    >>> mark.advance("0", datetime(2026, 3, 1, 12, tzinfo=UTC))
    >>> mark.advance("1", datetime(2026, 3, 1, 11, tzinfo=UTC))
    >>> mark.time.isoformat()
    '2026-03-01T10:30:00+00:00'
    """

    def __init__(self, lateness: timedelta) -> None:
        self.lateness = lateness
        self._marks: dict[str, datetime] = {}
        self._floor = EPOCH

    @property
    def time(self) -> datetime:
        """The watermark: no event on time will be older than this."""
        return self._floor

    @property
    def waits(self) -> bool:
        """Whether there is a partition that it waits for."""
        return bool(self._marks)

    def expect(self, partition: str) -> None:
        """Let `partition` hold the watermark where it is until its first event or idle notice."""
        self._marks.setdefault(partition, self._floor)

    def advance(self, partition: str, event_time: datetime) -> None:
        """Take note of an event of `partition`; `event_time` must already be clamped to its enqueued time."""
        self.idle(partition, event_time - self.lateness)

    def idle(self, partition: str, complete_until: datetime) -> None:
        """Declare that `partition` holds nothing more before `complete_until`."""
        known = self._marks.get(partition)
        if known is None or complete_until > known:
            self._marks[partition] = complete_until
            self._floor = max(self._floor, min(self._marks.values()))

    def forget_partitions(self) -> None:
        """Wait for no partition any more, until it is expected or delivers; the watermark itself stays where it is."""
        self._marks.clear()

    def release(self, partition: str) -> None:
        """Wait for `partition` no longer, because nothing more will come from it; the watermark stays where it is."""
        self._marks.pop(partition, None)

    def dump(self) -> dict[str, Json]:
        """Plain data for a snapshot."""
        return {
            "floor": self._floor.isoformat(),
            "marks": {partition: mark.isoformat() for partition, mark in sorted(self._marks.items())},
        }

    def load(self, data: Any) -> None:
        """Restore what `dump` gave."""
        floor, marks = fields("watermark", data, "floor", "marks")
        self._floor = datetime.fromisoformat(str(floor))
        self._marks = {str(key): datetime.fromisoformat(str(mark)) for key, mark in marks.items()}
