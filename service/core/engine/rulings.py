"""Which verdicts the model applies, each once, between two buckets, and what follows of each for whom.

Which buckets come next is decided by `closing`; which verdict counts, by `service.core.verdicts`; what a consequence
does to the detectors, by `consequences`.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from models.detectors import Anomaly
from models.stream import ActorBucket, Exclusions, Json, fields
from service.core.alerting import Finding
from service.core.engine.consequences import Consequence, consequences
from service.core.verdicts import Verdict, VerdictKind, Verdicts

MOST_APPLIED = 20_000


class Rulings:
    """Verdicts, and which of them the model applies.

    Parameters
    ----------
    detectors
        By name.
    width
        Length of a bucket.

    Attributes
    ----------
    verdicts
        Those given; no part of the state: each start of the service reads them again.
    applied
        When those took effect that the model applies, by id.
    """

    def __init__(self, detectors: Iterable[str], width: timedelta) -> None:
        self.verdicts = Verdicts()
        self.applied: dict[str, datetime] = {}
        self._detectors = tuple(detectors)
        self._width = width

    def covering(self, anomaly: Anomaly, now: datetime) -> Verdict | None:
        """Return the verdict by which `anomaly` is answered at `now`."""
        return self.verdicts.covering(anomaly, now, self.applied)

    def closes(self, anomaly: Anomaly, first: datetime, last: datetime, now: datetime) -> bool:
        """Whether an open alert, that told of what `anomaly` repeats between `first` and `last`, is closed at `now`."""
        return self.verdicts.closes(anomaly, first, last, now)

    def found_attack(self, alert: str, now: datetime) -> bool:
        """Whether the verdict on an alert that counts at `now` is that it is an attack."""
        verdict = self.verdicts.of(alert, now)
        return verdict is not None and verdict.kind is VerdictKind.MALICIOUS

    def acquits(self, finding: Finding, now: datetime) -> bool:
        """Whether what was told has been found in order by `now`."""
        return self.verdicts.acquits(finding, now)

    def exclusions(self, seen: ActorBucket) -> Exclusions:
        """Return what no detector may learn of a bucket."""
        return self.verdicts.exclusions(seen, self._detectors, self.applied)

    def overdue(self, closed_until: datetime) -> list[Verdict]:
        """Return those that are not applied yet although their bucket is closed: they came too late for it."""
        return self.verdicts.due(closed_until - self._width, self.applied)

    def apply_until(self, start: datetime) -> Iterator[list[Consequence]]:
        """Heed, one after another, what is due before the bucket at `start` is judged; yield what follows of each."""
        for verdict in self.verdicts.due(start, self.applied):
            yield self.apply(verdict)

    def apply(self, verdict: Verdict) -> list[Consequence]:
        """Note that the model applies a verdict; return what follows, in the order in which it is to be done."""
        self.applied[self.verdicts.id_of(verdict)] = verdict.takes_effect
        if len(self.applied) > MOST_APPLIED:
            del self.applied[min(self.applied, key=lambda key: (self.applied[key], key))]
        return list(consequences(verdict, self._width))

    def dump(self) -> Iterator[dict[str, Json]]:
        """Yield plain rows for a snapshot: what the model applies."""
        for key, takes_effect in sorted(self.applied.items()):
            yield {"id": key, "takes_effect": takes_effect.isoformat()}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace what the model applies by what `dump` gave."""
        pairs = [fields("verdict", row, "id", "takes_effect") for row in rows]
        self.applied = {str(key): datetime.fromisoformat(takes_effect) for key, takes_effect in pairs}
