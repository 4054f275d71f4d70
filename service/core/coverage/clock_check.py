"""Whether our clock can be right, by what the hub says; it is noticed and said, and nothing is set by it.

A message that is newer than the newest that the hub named when it was asked was taken after that, and before it was
read: by as much as our clock says otherwise, it is wrong. A quiet hub says nothing of a clock that is ahead.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

TOLERANCE = timedelta(minutes=5)
"""What clocks may differ by; signing in to Azure bears as much."""

_NONE = timedelta(0)


class ClockCheck:
    """By how much our clock is wrong; pure: all instants are passed in.

    Examples
    --------
    >>> from datetime import UTC
    >>> right, wrong = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 5, 9, tzinfo=UTC)
    >>> check = ClockCheck()
    >>> check.note_end_offset("0", 17, right - timedelta(hours=1), wrong)
    >>> check.note_message("0", 18, right + timedelta(minutes=1), wrong + timedelta(minutes=2))
    >>> check.ahead
    datetime.timedelta(days=2, seconds=86340)
    >>> check.move(timedelta(days=-3))  # somebody has set it right
    >>> check.ahead
    datetime.timedelta(0)
    """

    def __init__(self) -> None:
        self._least: timedelta | None = None
        self._most: timedelta | None = None
        self._ends: dict[str, tuple[int, datetime]] = {}

    @property
    def ahead(self) -> timedelta:
        """How far our clock is ahead of the hub's, at least; negative: behind; zero: within what is tolerated."""
        if self._least is not None and self._least > TOLERANCE:
            return self._least
        return self._most if self._most is not None and self._most < -TOLERANCE else _NONE

    def differs(self, said: timedelta) -> bool:
        """Whether what was last said of `ahead` is not true any more: that there is a doubt, or how large it is."""
        return (not said) != (not self.ahead) or abs(self.ahead - said) > TOLERANCE

    def move(self, by: timedelta) -> None:
        """Note that our clock has been set by that."""
        self._least = None if self._least is None else self._least + by
        self._most = None if self._most is None else self._most + by
        self._ends = {partition: (number, at + by) for partition, (number, at) in self._ends.items()}

    def note_saved(self, moments: Iterable[datetime], now: datetime) -> None:
        """Note instants that were saved as past ones: they are still to come only where a clock is wrong, or was."""
        self._note_past(max(moments, default=now), now)

    def note_end_offset(
        self, partition: str, sequence_number: int, enqueued_time: datetime, known_at: datetime
    ) -> None:
        """Note the newest message that the hub named when it was asked at `known_at`."""
        self._ends[partition] = sequence_number, known_at
        if sequence_number >= 0:
            self._note_past(enqueued_time, known_at)

    def note_message(self, partition: str, sequence_number: int, enqueued_time: datetime, now: datetime) -> None:
        """Note a message that is read now."""
        number, asked = self._ends.get(partition, (sequence_number, now))
        if sequence_number > number:
            self._least, self._most = asked - enqueued_time, now - enqueued_time
        else:
            self._note_past(enqueued_time, now)

    def _note_past(self, past: datetime, now: datetime) -> None:
        """Note that `past` is over."""
        if past - now > TOLERANCE:
            self._least, self._most = None, now - past
