"""All verdicts together: which one of an alert counts, whom it speaks of, and which are still to be applied.

Of several about one alert the last counts, by when it was given and then by its id. Each says from which bucket on the
model applies it, so that what counts is known of every bucket, however often it is closed again after a crash.
"""

from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime

from models.detectors import Anomaly
from models.stream import NOTHING_EXCLUDED, ActorBucket, Exclusions
from service.core.alerting import Finding
from service.core.verdicts.verdict import Verdict


class Verdicts:
    """A set of verdicts, by whom they are about.

    Parameters
    ----------
    entries
        In any order; one that comes twice counts once.

    Attributes
    ----------
    entries
        In the order in which they were given.
    """

    def __init__(self, entries: Iterable[Verdict] = ()) -> None:
        by_id = {one.id: one for one in entries}
        self.entries: Sequence[Verdict] = tuple(sorted(by_id.values(), key=lambda one: one.order))
        self._ids = {id(one): key for key, one in by_id.items()}
        self._of_alert: dict[str, list[Verdict]] = {}
        self._of_actor: dict[str, list[Verdict]] = {}
        self._of_action: dict[str, list[Verdict]] = {}
        for one in self.entries:
            self._of_alert.setdefault(one.alert, []).append(one)
            if one.of_operation:
                for action in one.actions:
                    self._of_action.setdefault(action, []).append(one)
            else:
                for actor in one.actors:
                    self._of_actor.setdefault(actor, []).append(one)

    def __len__(self) -> int:
        return len(self.entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdicts) and set(self._ids.values()) == set(other._ids.values())

    __hash__ = None  # type: ignore[assignment]  # equal by what it holds, so it is no key

    def id_of(self, verdict: Verdict) -> str:
        """Return the id of one of `entries`, which is a hash: it is worked out once."""
        return self._ids[id(verdict)]

    def of(self, alert: str, now: datetime) -> Verdict | None:
        """Return the verdict on `alert` that counts at `now`; None if there is none yet."""
        given = [one for one in self._of_alert.get(alert, ()) if one.at <= now]
        return given[-1] if given else None

    def since(self, moment: datetime) -> Sequence[Verdict]:
        """Return those that were given after `moment`, in their order."""
        return self.entries[bisect_right(self.entries, moment, key=lambda one: one.at) :]

    def covering(self, anomaly: Anomaly, now: datetime, applied: Container[str]) -> Verdict | None:
        """Return the verdict by which `anomaly` is answered at `now`; `applied` are the ids of those in the model."""
        if not self.entries:
            return None
        for one in self._about(anomaly.actor.id, anomaly.cell.action):
            if one.covers(anomaly, learnt=self.id_of(one) in applied) and self.of(one.alert, now) is one:
                return one
        return None

    def closes(self, anomaly: Anomaly, first: datetime, last: datetime, now: datetime) -> bool:
        """Whether an open alert, that told of what `anomaly` repeats between `first` and `last`, is closed at `now`."""
        about = self._about(anomaly.actor.id, anomaly.cell.action)
        return any(one.closes(anomaly, first, last) and self.of(one.alert, now) is one for one in about)

    def acquits(self, finding: Finding, now: datetime) -> bool:
        """Whether what was told has been found in order by `now`."""
        about = self._about(finding.actor_id, finding.action)
        return any(one.acquits(finding) and self.of(one.alert, now) is one for one in about)

    def _about(self, actor: str, action: str) -> Sequence[Verdict]:
        return *self._of_actor.get(actor, ()), *self._of_action.get(action, ())

    def due(self, start: datetime, applied: Mapping[str, datetime]) -> list[Verdict]:
        """Return those to be applied before the bucket at `start` is judged, and not `applied` yet, in their order.

        One that a later one about the same alert overtakes before anything is judged in its light is never applied.
        """
        found = [
            one
            for one in self.entries
            if one.takes_effect <= start
            and self.id_of(one) not in applied
            and not any(
                other.order > one.order and other.takes_effect <= one.takes_effect
                for other in self._of_alert[one.alert]
            )
        ]
        return sorted(found, key=lambda one: (one.takes_effect, one.order))

    def exclusions(self, seen: ActorBucket, detectors: Iterable[str], applied: Container[str]) -> Exclusions:
        """Return what each detector must not learn of a bucket, by those that are `applied`."""
        if not self.entries:
            return NOTHING_EXCLUDED
        about = list(self._of_actor.get(seen.actor.id, ()))
        if self._of_action:
            for cell in seen.cells:
                about += self._of_action.get(cell.action, ())
        actions: dict[str, bool] = {}
        for one in about:
            last = [other for other in self._of_alert[one.alert] if self.id_of(other) in applied]
            if last and last[-1] is one:
                actions |= {cell.action: False for cell in seen.cells if one.keeps_out(seen.actor.id, cell)}
        return dict.fromkeys(detectors, actions) if actions else NOTHING_EXCLUDED
