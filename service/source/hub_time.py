"""How late it is at the hub, at least: as late as when it took its newest message, and what has passed since.

What our calendar says does not count, for it may be wrong from the start: only how far it has moved on. So a partition
that is empty lets time pass, and nothing that the hub takes later is late because of that.
"""

from datetime import datetime

from models.stream import EPOCH


class HubTime:
    """The hub's time, from below; pure: instants by our clock are passed in, less what that has been set by.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> taken, ours = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 5, 9, 1, tzinfo=UTC)
    >>> hub = HubTime()
    >>> hub.note(taken, ours)
    >>> hub.at(ours + timedelta(minutes=30)).isoformat()
    '2026-03-02T09:30:00+00:00'
    """

    def __init__(self) -> None:
        self._taken = self._ours = EPOCH
        self._known = False

    def note(self, taken: datetime, ours: datetime) -> None:
        """Note that the hub had taken a message at `taken`, by its clock, when ours said `ours`."""
        if taken > self.at(ours):
            self._taken, self._ours, self._known = taken, ours, True

    def at(self, ours: datetime) -> datetime:
        """Return how late it is there at least when our clock says `ours`; 1970 while nothing has been taken."""
        return self._taken + (ours - self._ours) if self._known else EPOCH
