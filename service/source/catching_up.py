"""Decides which partition waits for the others while all are catching up; pure: times are passed in.

Operations stay open until the slowest partition has passed them, so whatever a partition has been read ahead of it is
held in memory. Nothing keeps partitions together by itself: a reconnection, or mere chance over millions of messages,
takes them hours of the log apart.
"""

from datetime import datetime, timedelta


class CatchUp:
    """How far each partition has been read, by the hub's clock, of those that bring something.

    Parameters
    ----------
    apart
        By how much one may be ahead of another.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon, catch_up = datetime(2026, 3, 2, 12, tzinfo=UTC), CatchUp(timedelta(minutes=10))
    >>> catch_up.note("0", noon + timedelta(minutes=11))
    >>> catch_up.is_ahead("0")
    False
    >>> catch_up.note("1", noon)
    >>> catch_up.is_ahead("0"), catch_up.is_ahead("1")
    (True, False)
    >>> catch_up.note("1", None)
    >>> catch_up.is_ahead("0")
    False
    """

    def __init__(self, apart: timedelta) -> None:
        self._apart = apart
        self._newest: dict[str, datetime] = {}

    def note(self, partition: str, newest: datetime | None) -> None:
        """Note when the hub took the newest message that a partition has brought; None if it has nothing to bring."""
        if newest is None:
            self._newest.pop(partition, None)
        else:
            self._newest[partition] = newest

    def is_ahead(self, partition: str) -> bool:
        """Whether a partition is too far ahead of another one that still brings something."""
        own = self._newest.get(partition)
        return own is not None and own - min(self._newest.values()) > self._apart
