"""Rare failure: an operation fails that does not use to fail, for this identity and for the tenant.

Why it matters: whoever holds a stolen identity does not know what it may do, and finds out by being refused. Refusals
weigh more than conflicts and quotas; a refusal that comes every hour says nothing; a failing service is no intruder.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, cast

from models.detectors.anomalies import NO_EVIDENCE, Anomaly
from models.detectors.contract import Card, Declaration, Memory
from models.detectors.counterfactual import imagined, least_below, more_of
from models.detectors.examples import TEAM, Activity, Example, daily
from models.detectors.stateful import StatefulDetector
from models.statistics import (
    NONE,
    Accumulated,
    AccumulationRule,
    Calibration,
    FailureRate,
    FailureState,
    Keyed,
    Lessons,
    added,
    mask,
    odds,
    surprise,
    tried,
)
from models.stream import ActorBucket, ActorKind, Cell, Crowd, Json, Outcome, Part, fields

NAME = "rare_failure"
_DENIAL_WEIGHT = 1.2  # additional surprise, in powers of ten, of a failure for want of permission
_FIRST_ATTEMPT_WEIGHT = 1.0  # of a failure at something that the identity never tried before
_MOSTLY_HARMLESS = -0.5  # powers of ten: of those who fail, fewer are intruders than of those who do something rare
_NOISE = 0.5  # a failure that surprises less gets none of both: constant noise stays noise
_DEFAULT_RULE = AccumulationRule(begins=0.0, floor=1.0, share=0.6, half_life=12.0, most=8.0)

CARD = Card(
    name=NAME,
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
DECLARATION = Declaration(
    card=CARD,
    threshold=75.0,
    terms=("outcome", "mostly_harmless", "denial", "first_attempt", "evidence"),
    evidence=("outcome", "denied", "crowd", "evidence"),
    failures=True,
    speaks=Example(
        "People at work, who hardly ever fail; one of them is refused at three doors where nobody knocks.",
        before=[activity for hour in range(8, 18) for activity in daily(range(30), *TEAM, hour=hour)],
        then=[
            Activity("ann", what, 30, ended=Outcome.DENIED)
            for what in ("microsoft.keyvault/vaults/read", "microsoft.sql/servers/write", "microsoft.web/sites/delete")
        ],
        says="It was refused",
    ),
    silent=Example(
        "A pipeline is refused the same thing every night, and so it is tonight.",
        before=daily(range(30), "job", ended=Outcome.DENIED, kind=ActorKind.SERVICE_PRINCIPAL),
        then=daily([30], "job", ended=Outcome.DENIED, kind=ActorKind.SERVICE_PRINCIPAL),
    ),
)


class RareFailureState(FailureState):
    """What is remembered of one identity.

    Attributes
    ----------
    day
        Newest active day from the epoch, -1 before the first.
    worst
        Largest surprise of that day.
    evidence
        What was odd of late.
    mask_of_tried
        What it has tried (`bloom_mask`).
    """

    __slots__ = ("day", "evidence", "mask_of_tried", "worst")

    def __init__(self) -> None:
        super().__init__()
        self.day = -1
        self.worst = 0.0
        self.evidence: Accumulated = NONE
        self.mask_of_tried = 0

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {
            "rates": super().row(),
            "day": self.day,
            "worst": self.worst,
            "evidence": self.evidence.row(),
            "mask_of_tried": f"{self.mask_of_tried:x}",
        }

    def restore(self, row: Any) -> None:
        """Become what `row` gave."""
        rates, day, worst, evidence, tried = fields("state", row, "rates", "day", "worst", "evidence", "mask_of_tried")
        super().restore(rates)
        self.day, self.worst, self.mask_of_tried = int(day), float(worst), int(tried, 16)
        self.evidence = Accumulated.from_row(evidence)


class RareFailure(StatefulDetector[RareFailureState]):
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

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(
        self,
        explain_from: float = 40.0,
        max_identities: int = 200_000,
        half_life_days: float = 30.0,
        evidence: AccumulationRule = _DEFAULT_RULE,
    ) -> None:
        self.explain_from = explain_from
        self.evidence = evidence
        self.failures = FailureRate(
            half_life=half_life_days * 24.0, max_identities=max_identities, fresh=RareFailureState
        )
        self._states = cast("Keyed[RareFailureState]", self.failures.states)
        self.calibration = Calibration(location=-1.0, slope=0.5, cold=1.0)

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge each cell with a failed end, in the order of the bucket."""
        failing = [cell for cell in seen.cells if cell.failures or cell.denials]
        if not failing:
            return []
        actor, bucket, rule = seen.actor, seen.bucket, self.evidence
        hours, anomalies = bucket.hours, []
        state = self._states.get(actor.id)
        before = rule.so_far(state.evidence, hours) if state is not None else 0.0
        mask_of_tried = state.mask_of_tried if state is not None else 0
        judged = [self._terms(seen, cell, hours, crowd, mask_of_tried) for cell in failing]
        alone = [sum(terms.values()) for terms in judged]
        around = rule.around(before, [(value, cell.service) for value, cell in zip(alone, failing, strict=True)])
        for cell, terms, value, others in zip(failing, judged, alone, around, strict=True):
            total = max(0.0, rule.total(value, others))
            score, why, facts = self.calibration.score(total), "", NO_EVIDENCE
            if score >= self.explain_from:
                facts = self._facts(seen, cell, crowd, others, terms, total)
                why = _sentence(facts)
            anomalies.append(Anomaly(NAME, actor, bucket, cell, round(score, 2), round(total, 4), why, facts, value))
        return anomalies

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Learn what was tried and what failed."""
        actor, hours = seen.actor, seen.bucket.hours
        tried_now = [(cell.action, cell.failures > 0 or cell.denials > 0) for cell in seen.cells]
        self.failures.learn(actor.id, tried_now, hours, lessons.by_name["failures"])
        state = self._states.touch(actor.id)
        worst = max(anomaly.surprise for anomaly in scored) if scored else 0.0
        day, maxima = int(hours // 24.0), lessons.by_number["calibration"]
        if day > state.day:
            state.day, state.worst = day, self.calibration.learn(day, None, worst, maxima)
        elif day == state.day and worst > state.worst:
            state.worst = self.calibration.learn(day, state.worst, worst, maxima)
        if any(anomaly.alone > self.evidence.floor for anomaly in scored) or state.evidence is not NONE:
            state.evidence = self.evidence.after(state.evidence, hours, scored)
        mask_of_tried = state.mask_of_tried
        for cell in seen.cells:
            if not tried(mask_of_tried, cell.action):
                mask_of_tried = added(mask_of_tried, cell.action)
        state.mask_of_tried = mask_of_tried

    def acquit(self, actor: str, actions: Collection[str], anomalies: Collection[str]) -> None:
        """Take back the evidence that these failures have added up to."""
        if (state := self._states.get(actor)) is not None:
            state.evidence = state.evidence.without(anomalies)

    def teach(self, lessons: Lessons) -> None:
        """Apply attempts, failures and user-days."""
        self.failures.teach(lessons.by_name["failures"], lessons.hours)
        self.calibration.teach(lessons.by_number["calibration"])

    def _parts(self) -> dict[str, Part]:
        return {"calibration": self.calibration, "failures": self.failures}

    def memory(self) -> Memory:
        """Say how much is held."""
        return Memory(
            keys=len(self._states),
            entries=len(self._states) + self.failures.entries(),
            evicted=self._states.evicted + self._states.evicted_values + self.failures.evicted,
            warmth=self.calibration.warmth,
        )

    def _terms(
        self, seen: ActorBucket, cell: Cell, hours: float, crowd: Crowd, mask_of_tried: int, before: int = 0
    ) -> dict[str, float]:
        """Return the named surprises of a cell: everything but evidence; `before` earlier failures are imagined."""
        rate = self.failures.probability(seen.actor.id, cell.action, hours, crowd, seen.cells, before=before)
        value = surprise(rate)
        terms = {"outcome": value, "mostly_harmless": _MOSTLY_HARMLESS}
        if value > _NOISE:
            if cell.denials:
                terms["denial"] = _DENIAL_WEIGHT
            if not tried(mask_of_tried, cell.action):
                terms["first_attempt"] = _FIRST_ATTEMPT_WEIGHT
        return terms

    def _facts(
        self, seen: ActorBucket, cell: Cell, crowd: Crowd, around: float, terms: dict[str, float], total: float
    ) -> dict[str, Json]:
        """Return every number that the surprise came from."""
        actor, hours = seen.actor, seen.bucket.hours
        state = self._states.get(actor.id)
        tally = crowd.tally(cell.action)
        return {
            "surprise": total,
            "terms": {**terms, "evidence": self.evidence.total(sum(terms.values()), around) - sum(terms.values())},
            "outcome": {
                "probability": self.failures.probability(actor.id, cell.action, hours, crowd, seen.cells),
                "anybody": self.failures.common(cell.action, hours),
                **self.failures.counts(actor.id, cell.action, hours),
            },
            "denied": cell.denials > 0,
            "crowd": {"tried": tally.actors, "failing": tally.failing},
            "evidence": {
                "around": around,
                "begins": self.evidence.begins,
                "floor": self.evidence.floor,
                "share": self.evidence.share,
                "most": self.evidence.most,
                "anomalies": list[Json](state.evidence.anomalies if state is not None else ()),
            },
            "user_day": self.calibration.facts(total),
            "changes": self._changes(seen, cell, crowd, around),
        }

    def _changes(self, seen: ActorBucket, cell: Cell, crowd: Crowd, around: float) -> dict[str, Json]:
        """Imagine that it has failed in so many hours before."""
        mask_of_tried = mask(cell.action)

        def score(hours: int) -> float:
            terms = self._terms(seen, cell, seen.bucket.hours, crowd, mask_of_tried, before=hours)
            return self.calibration.score(self.evidence.total(sum(terms.values()), around))

        return {"hours": imagined((1, 2, 3, 5, 10, 20), score)}

    @staticmethod
    def counterfactual(changes: Mapping[str, Any], threshold: float) -> str:
        """Say how many failures before would have made this one ordinary."""
        if hours := least_below(changes["hours"], threshold):
            return f"Would be ordinary had it failed in {more_of(hours, 'hour')} before."
        return "Some failures of it before would not make it ordinary."


def _sentence(facts: Mapping[str, Any]) -> str:
    """Say in one sentence why a failure is unusual.

    >>> _sentence({"denied": True, "terms": {"first_attempt": 1.0}, "outcome": {"probability": 0.0002,
    ...            "identity_attempts": 7.8, "identity_failures": 0.2, "action_attempts": 0.3, "action_failures": 0.1}})
    'It was refused, which is expected in 1 in 5,000 of its attempts; none of its 8 recent attempts failed; nobody has \
tried this operation lately; it never tried this before.'
    """
    outcome, terms = facts["outcome"], facts["terms"]
    verb, expected = "was refused" if facts["denied"] else "failed", odds(outcome["probability"])
    parts = [
        f"It {verb}, which is expected in {expected} of its attempts",
        _failed(
            outcome["identity_attempts"], outcome["identity_failures"], "its {} recent attempt", "it has tried nothing"
        ),
        _failed(
            outcome["action_attempts"],
            outcome["action_failures"],
            "anybody's {} recent attempt at this operation",
            "nobody has tried this operation",
        ),
    ]
    if terms.get("first_attempt"):
        parts.append("it never tried this before")
    if terms.get("evidence", 0.0) > 0.3:
        parts.append("other unusual failures happened around it")
    return "; ".join(parts) + "."


def _failed(attempts: float, failures: float, whose: str, none: str) -> str:
    """Say how many of so many attempts failed, of which what is long ago counts for less than one.

    >>> _failed(0.4, 0.2, "its {} attempt", "it has tried nothing"), _failed(1.2, 0.1, "its {} attempt", "")
    ('it has tried nothing lately', 'its one attempt did not fail')
    >>> _failed(7.8, 2.0, "its {} attempt", ""), _failed(1_234.0, 0.0, "its {} attempt at it", "")
    ('2 of its 8 attempts failed', 'none of its 1,234 attempts at it failed')
    """
    count, failed = round(attempts), round(failures)
    if not count:
        return f"{none} lately"
    if count == 1:
        return f"{whose.format('one')} {'failed' if failed else 'did not fail'}"
    return f"{failed or 'none'} of {whose.format(f'{count:,}').replace('attempt', 'attempts')} failed"
