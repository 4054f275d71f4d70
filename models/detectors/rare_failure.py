"""Rare failure: an operation fails that does not use to fail, for this identity and for the tenant.

Why it matters: whoever holds a stolen identity does not know what it may do, and finds out by being refused. Refusals
weigh more than conflicts and quotas; a refusal that comes every hour says nothing; a failing service is no intruder.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from models.anomalies import Anomaly, Json
from models.calibration import Calibration
from models.cells import ActorBucket, Cell, Crowd
from models.decay import surprise
from models.detector import Card, Memory
from models.evidence import NONE, Accumulation, Evidence
from models.failure_rate import FailureRate
from models.keyed import Keyed

DENIAL_WEIGHT = 0.7  # additional surprise, in powers of ten, of a failure for want of permission
DENIAL_FLOOR = 0.5  # a failure that surprises less gets none of it: constant noise stays noise
GATHERING = Accumulation(floor=1.0, share=0.6, half_life=6.0, most=8.0)

CARD = Card(
    name="rare_failure",
    title="Operations failed that do not usually fail",
    what="An identity's operations failed or were refused although such failures are unusual for it and the tenant.",
    why="Somebody who does not know an identity's rights tries them out: a handful of different refusals within "
    "hours is how reconnaissance looks in this log.",
    false_positives=(
        "A role that was taken away, or has not arrived yet, from somebody who needs it.",
        "A deployment with a mistake, tried again and again until it works.",
        "A quota, a policy or a lock that somebody has just introduced.",
    ),
    response=(
        "Look at what was refused: listing many different things, or one thing that the identity should be able to do?",
        "See whether anything of it succeeded a little later, and from which address.",
        "Check for a recent change of roles, policies or locks in that scope.",
        "If nobody can explain it: revoke sessions, rotate secrets, read the identity's sign-ins of the last day.",
    ),
    mitre=("TA0007/T1526", "TA0007/T1580", "TA0007/T1087.004", "TA0001/T1078.004", "TA0006/T1110"),
)


class Trouble:
    """What is remembered of one identity beside its failure rates."""

    __slots__ = ("day", "evidence", "last_hours", "worst")

    def __init__(self) -> None:
        self.day = -1
        self.worst = 0.0
        self.evidence: Evidence = NONE
        self.last_hours = 0.0


class RareFailure:
    """Scores each cell that holds a failed end.

    Parameters
    ----------
    explain_from
        Score from which an anomaly carries its explanation.
    max_identities
        Identities remembered.
    half_life_days
        Days after which an attempt counts half.
    evidence
        How failures that come together add up.
    """

    default_threshold = 75.0

    def __init__(
        self,
        explain_from: float = 40.0,
        max_identities: int = 200_000,
        half_life_days: float = 30.0,
        evidence: Accumulation = GATHERING,
    ) -> None:
        self.explain_from = explain_from
        self.evidence = evidence
        self.failures = FailureRate(half_life=half_life_days * 24.0, max_identities=max_identities)
        self.calibration = Calibration(location=0.3, slope=0.7)
        self._troubles = Keyed(max_identities, Trouble)

    @property
    def card(self) -> Card:
        """Who this detector is."""
        return CARD

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge each cell with a failed end, in the order of the bucket."""
        anomalies: list[Anomaly] = []
        so_far = None
        for cell in seen.cells:
            if not (cell.failures or cell.denials):
                continue
            actor, hours = seen.actor, seen.bucket.hours
            trouble = self._troubles.get(actor.id)
            if so_far is None:
                so_far = self.evidence.so_far(trouble.evidence, hours) if trouble else 0.0
            fails = self.failures.probability(actor.id, cell.action, hours, crowd)
            value = surprise(fails) + _denial(cell, surprise(fails))
            total = self.evidence.total(value, so_far)
            score = self.calibration.score(total)
            if score >= self.explain_from:
                anomalies.append(self._explained(seen, cell, crowd, fails, so_far, total, score))
            else:
                anomalies.append(Anomaly("rare_failure", actor, seen.bucket, cell, round(score, 2), round(total, 4)))
            so_far += self.evidence.gain(value)
        return anomalies

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly]) -> None:
        """Learn what was tried and what failed."""
        actor, hours = seen.actor, seen.bucket.hours
        self.failures.learn(actor.id, [(cell.action, cell.failed) for cell in seen.cells], hours)
        trouble = self._troubles.touch(actor.id)
        trouble.last_hours = max(trouble.last_hours, hours)
        worst = max((anomaly.surprise for anomaly in scored), default=0.0)
        day = int(hours // 24.0)
        if day > trouble.day:
            trouble.day, trouble.worst = day, self.calibration.learn(day, None, worst)
        elif day == trouble.day and worst > trouble.worst:
            trouble.worst = self.calibration.learn(day, trouble.worst, worst)
        if worst > self.evidence.floor:
            self._remember_evidence(trouble, hours, scored)
        elif trouble.evidence is not NONE:
            trouble.evidence = self.evidence.after(trouble.evidence, hours, 0.0, ())

    def dump(self) -> Iterator[Json]:
        """Yield each part's rows, then one row an identity."""
        for row in self.calibration.dump():
            yield ["calibration", row]
        for row in self.failures.dump():
            yield ["failures", row]
        yield ["evicted", self._troubles.evicted]
        for key, trouble in self._troubles.sorted_items():
            value, hours, ids = trouble.evidence
            evidence: Json = [value, hours, list[Json](ids)]
            yield ["identity", [key, trouble.day, trouble.worst, trouble.last_hours, evidence]]

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything known by what `dump` gave."""
        parts: dict[str, list[Any]] = {"calibration": [], "failures": [], "identity": [], "evicted": []}
        for part, row in rows:
            parts[part].append(row)
        self.calibration.load(parts["calibration"])
        self.failures.load(parts["failures"])
        self._troubles.clear()
        for key, day, worst, last_hours, (value, hours, ids) in parts["identity"]:
            trouble = self._troubles.touch(str(key))
            trouble.day, trouble.worst, trouble.last_hours = int(day), float(worst), float(last_hours)
            trouble.evidence = Evidence(float(value), float(hours), tuple(str(id_) for id_ in ids)) if value else NONE
        self._troubles.evicted = sum(int(count) for count in parts["evicted"])

    def memory(self) -> Memory:
        """Say how much is held."""
        return Memory(
            keys=len(self._troubles),
            entries=len(self._troubles) + self.failures.entries(),
            evicted=self._troubles.evicted + self.failures.evicted,
            warmth=self.calibration.warmth,
        )

    def _remember_evidence(self, trouble: Trouble, hours: float, scored: Sequence[Anomaly]) -> None:
        so_far, gained, ids = self.evidence.so_far(trouble.evidence, hours), 0.0, []
        for anomaly in scored:
            gain = self.evidence.gain(self.evidence.own(anomaly.surprise, so_far + gained))
            if gain:
                gained += gain
                ids.append(anomaly.id)
        trouble.evidence = self.evidence.after(trouble.evidence, hours, gained, tuple(ids))

    def _explained(
        self, seen: ActorBucket, cell: Cell, crowd: Crowd, fails: float, so_far: float, total: float, score: float
    ) -> Anomaly:
        actor, hours = seen.actor, seen.bucket.hours
        terms: dict[str, float] = {"outcome": surprise(fails)}
        if denial := _denial(cell, terms["outcome"]):
            terms["denial"] = denial
        if so_far and total > self.evidence.floor:
            terms["evidence"] = total - sum(terms.values())
        trouble = self._troubles.get(actor.id)
        counts = self.failures.counts(actor.id, cell.action, hours)
        tally = crowd.actions.get(cell.action)
        evidence: dict[str, Json] = {
            "surprise": total,
            "terms": dict[str, Json](terms),
            "outcome": {"probability": fails, "anybody": self.failures.common(cell.action, hours), **counts},
            "denied": cell.denials > 0,
            "crowd": {"tried": tally.actors if tally else 1, "failing": tally.failing if tally else 1},
            "evidence": {
                "so_far": so_far,
                "share": self.evidence.share,
                "floor": self.evidence.floor,
                "anomalies": list[Json](trouble.evidence.anomalies if trouble else ()),
            },
            "user_day": {
                "probability": self.calibration.probability(total),
                "known": round(self.calibration.user_days, 1),
                "score": score,
            },
            "counterfactual": "Would be ordinary if it had failed on some days before, or for others at the same time.",
        }
        verb = "was refused" if cell.denials else "failed"
        why = (
            f"It {verb}; of this identity's {counts['identity_attempts']:.0f} recent attempts "
            f"{counts['identity_failures']:.0f} failed, of anybody's {counts['action_attempts']:.0f} attempts at this "
            f"operation {counts['action_failures']:.0f}; expected here in {100.0 * fails:.1f} % of attempts"
        )
        if terms.get("evidence", 0.0) > 0.3:
            why += "; other unusual failures went before within hours"
        return Anomaly("rare_failure", actor, seen.bucket, cell, round(score, 2), round(total, 4), why + ".", evidence)


def _denial(cell: Cell, value: float) -> float:
    return DENIAL_WEIGHT if cell.denials and value > DENIAL_FLOOR else 0.0
