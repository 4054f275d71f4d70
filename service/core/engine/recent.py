"""What the engine remembers for a while, each up to a bound: unusual cells of closed buckets, and identities."""

from collections.abc import Callable, Iterable
from datetime import datetime

from models.detectors import Anomaly
from models.stream import Actor


class RecentAnomalies:
    """Unusual cells of closed buckets, for as long as an evaluation may look back at them.

    Parameters
    ----------
    limit
        Most that are held; beyond it, suppressed ones go first, then the least unusual.

    Attributes
    ----------
    by_id
        The cells, by their anomaly's id.
    """

    def __init__(self, limit: int) -> None:
        self.by_id: dict[str, Anomaly] = {}
        self._limit = limit
        self._dropped = 0

    def add(self, anomalies: Iterable[Anomaly], is_suppressed: Callable[[Anomaly], bool]) -> None:
        """Hold more, within the bound; which ones go does not depend on the order in which they came."""
        self.by_id.update((anomaly.id, anomaly) for anomaly in anomalies)
        excess = len(self.by_id) - self._limit
        if excess > 0:
            ranked = sorted(
                self.by_id.values(), key=lambda one: (not is_suppressed(one), one.score, one.surprise, one.id)
            )
            for anomaly in ranked[:excess]:
                del self.by_id[anomaly.id]
            self._dropped += excess

    def take_dropped(self) -> int:
        """Return how many had to go since this was asked last."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def expire(self, oldest: datetime) -> None:
        """Forget those whose bucket ended at `oldest` or before."""
        self.by_id = {key: anomaly for key, anomaly in self.by_id.items() if anomaly.bucket.end > oldest}


class RecentActors(dict[str, Actor]):
    """Identities by id, the longest silent first: names for ids.

    Parameters
    ----------
    limit
        Most that are held; beyond it, the longest silent goes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def remember(self, actor: Actor) -> None:
        """Hold an identity as the one seen last."""
        self.pop(actor.id, None)
        self[actor.id] = actor
        if len(self) > self._limit:
            del self[next(iter(self))]
