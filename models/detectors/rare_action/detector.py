"""Puts the surprise of a cell together from named terms, each computed by a statistic, and learns the bucket.

What the terms are called stands in the declaration; what is said of them, in the wording.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from models.detectors.anomalies import NO_EVIDENCE, Anomaly
from models.detectors.contract import Declaration, Memory
from models.detectors.counterfactual import imagined
from models.detectors.rare_action.attempts import Attempts
from models.detectors.rare_action.declaration import DECLARATION, NAME
from models.detectors.rare_action.judged import CAMPAIGN, CONTEXT_FLOOR, GUARDED_FROM, Judged, begun
from models.detectors.rare_action.wording import counterfactual, sentence
from models.detectors.routine_context import RoutineCell
from models.detectors.sensitivity import SENSITIVE, Tactic, tactic, weighing
from models.statistics import (
    BUCKETS_A_DAY,
    MADE,
    NONE,
    AccumulationRule,
    Calibration,
    CampaignEntry,
    FailureRate,
    Habit,
    Lessons,
    Likelihood,
    Rarity,
    growth,
    network,
    surprise,
)
from models.stream import ActorBucket, Cell, Crowd, Json, Part, dump_parts, load_parts

_MOST_CONTEXT = 2.5  # of the surprise of a new network or scope
# What a refusal weighs of its surprise: what is new is refused more often, so that both say the same thing twice.
# Another failure weighs a quarter of that: conflicts happen to everybody.
_REFUSAL, _OTHER_FAILURE = 0.5, 0.125
_OFF_HOURS = 0.5  # of the surprise of an hour: people who do something new often do it late
_FAMILIAR = 0.032  # 10**-CONTEXT_FLOOR: an own habit that explains an action so well needs no peers and no context
_HELD_FROM = 75.0  # score from which an action teaches only when it recurs on another day
_STEPS = (1, 2, 3, 5, 10)  # identities, or days, that are imagined on top of those known
_DEFAULT_RULE = AccumulationRule()
_BUSY = 0.6  # of the decades of active hours a day: who does more has more chances to do something odd
_OWN_MAKE = 0.3  # most sensitivity of deleting what one is in the habit of making
_BEGINNER = 0.2  # of the surprise beyond the floor counts on an identity's first day, if it is not sensitive


class RareAction:
    """Scores each cell with an attempt by how unlikely it is for its identity.

    Parameters
    ----------
    explain_from
        Score from which an anomaly carries its explanation.
    max_identities, max_actions
        Identities remembered, and actions of each.
    half_life_days
        Days after which what was done counts half.
    sensitive
        Additional surprise, in powers of ten, by operation (`sensitivity`).
    evidence
        How odd things that come together add up.
    """

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(
        self,
        explain_from: float = 40.0,
        max_identities: int = 200_000,
        max_actions: int = 512,
        half_life_days: float = 30.0,
        sensitive: Mapping[str, float] = SENSITIVE,
        evidence: AccumulationRule = _DEFAULT_RULE,
    ) -> None:
        self.explain_from = explain_from
        self.weigh = weighing(sensitive)
        self.evidence = evidence
        self.campaign = CAMPAIGN
        half_life = half_life_days * 24.0
        self.rarity = Rarity(half_life=half_life, max_identities=max_identities, max_actions=max_actions)
        self.failures = FailureRate(half_life=half_life, max_identities=max_identities)
        self.calibration = Calibration()

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge each cell with an attempt, in the order of the bucket."""
        actor, bucket, habit = seen.actor, seen.bucket, self.rarity.habits.get(seen.actor.id)
        tried = [cell for cell in seen.cells if cell.attempts]
        own = self.rarity.own(habit, [cell.action for cell in tried], bucket.hours)
        if (everyday := self._everyday(seen, tried, own)) is not None:
            return everyday
        judged, work = self._judge(seen, crowd, habit, tried, own)
        tactics = len({one.tactic for one in judged if one.begins})
        judged = [one.amid(work, tactics) if one.terms is not None else one for one in judged]
        campaign = [*(habit.campaign if habit is not None else ()), *begun(judged, bucket.hours)] if tactics else []
        so_far = self.evidence.so_far(habit.evidence, bucket.hours) if habit is not None else 0.0
        around = self.evidence.around(so_far, [(one.alone, one.cell.service) for one in judged])
        anomalies, score_of = [], self.calibration.score
        for one, others in zip(judged, around, strict=True):
            total = self.evidence.total(one.alone, others)
            raised = self.campaign.around(campaign, bucket.hours, one.tactic, one.cell.service) if one.begins else 0.0
            total += raised
            score, why, facts = score_of(total), "", NO_EVIDENCE
            if score >= self.explain_from and one.terms is not None:
                facts = self._facts(seen, habit, crowd, one, others, raised, campaign)
                why = sentence(facts)
            weight = one.terms.get("sensitivity", 0.0) if one.terms is not None else 0.0
            anomalies.append(
                Anomaly(NAME, actor, bucket, one.cell, round(score, 2), round(total, 4), why, facts, one.alone, weight)
            )
        return anomalies

    def _everyday(self, seen: ActorBucket, tried: Sequence[Cell], own: Sequence[float]) -> list[Anomaly] | None:
        """Judge a bucket of nothing but old habits, as most are, for a third of the price; None if it is not one."""
        if min(own, default=1.0) < _FAMILIAR:
            return None
        actor, bucket, score_of = seen.actor, seen.bucket, self.calibration.score
        anomalies = []
        for cell, likely in zip(tried, own, strict=True):
            if cell.failures or cell.denials:
                return None
            value = -math.log10(likely) if likely < 1.0 else 0.0
            score = score_of(value)
            # Rounding takes as long as all the rest, and there is seldom a score to round.
            shown = round(score, 2) if score else 0.0
            anomalies.append(Anomaly(NAME, actor, bucket, cell, shown, round(value, 4), "", NO_EVIDENCE, value))
        return anomalies

    def _judge(
        self, seen: ActorBucket, crowd: Crowd, habit: Habit | None, tried: Sequence[Cell], own: Sequence[float]
    ) -> tuple[list[Judged], list[RoutineCell]]:
        """Return every cell with an attempt by itself, and which of them are everyday work."""
        judged, usual, before = [], [], 0
        session: dict[str, None] = {}
        told: set[str] = set()
        for number, (cell, likely) in enumerate(zip(tried, own, strict=True)):
            if likely > 0.0:
                usual.append(cell)
            if likely >= _FAMILIAR and not cell.failures and not cell.denials:
                judged.append(Judged(cell, max(0.0, -math.log10(likely))))
                continue
            session.update((earlier.service, None) for earlier in tried[before:number])
            before = number
            services = tuple(session)
            terms = self._terms(seen, cell, habit, crowd, services, told)
            begins = "sensitivity" in terms and (
                habit is None or cell.action not in habit.actions or habit.began(cell.action)
            )
            judged.append(Judged(cell, sum(terms.values()), terms, services, begins))
        odd = any(one.terms is not None and one.alone > CONTEXT_FLOOR for one in judged)
        return judged, [RoutineCell.of(cell) for cell in usual] if odd else []

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Make a closed bucket part of the identity's habits."""
        cells = [cell for cell in seen.cells if cell.attempts]
        if not cells:
            return
        tried, actor, hours = Attempts.of(cells), seen.actor, seen.bucket.hours
        worst, oddest = 0.0, 0.0
        held: set[str] = set()
        for anomaly in scored:
            worst, oddest = max(worst, anomaly.surprise), max(oddest, anomaly.alone)
            if anomaly.score >= _HELD_FROM:
                held.add(anomaly.cell.action)
        previous = self.rarity.habits.get(actor.id)
        campaign = [
            CampaignEntry.of(tactic(one.cell.action), one.cell.action, hours, one.alone - CAMPAIGN.floor)
            for one in scored
            if one.sensitivity
            and one.alone > CAMPAIGN.floor
            and (previous is None or one.cell.action not in previous.actions)
        ]
        habit = self.rarity.learn(
            actor.id,
            actor.kind,
            tried.failed_only,
            lessons,
            held,
            cells[0].late,
            (tried.networks, tried.scopes),
            crowd,
            self._is_guarded,
            actor.is_imagined,
        )
        if campaign:
            habit.campaign = self.campaign.after(habit.campaign, campaign, hours)
        self.failures.learn(actor.id, tried.failed, hours, lessons.by_name["failures"])
        if oddest > self.evidence.floor or habit.evidence is not NONE:
            habit.evidence = self.evidence.after(habit.evidence, hours, scored)
        day = int(hours // 24.0)
        if worst > habit.worst and day == habit.day:
            before, maxima = habit.worst if habit.worst >= 0.0 else None, lessons.by_number["calibration"]
            habit.worst = self.calibration.learn(day, before, worst, maxima)

    def acquit(self, actor: str, actions: Collection[str], anomalies: Collection[str]) -> None:
        """Take back the evidence that these have added up to, and their part in a campaign."""
        if (habit := self.rarity.habits.get(actor)) is not None:
            habit.evidence = habit.evidence.without(anomalies)
            habit.campaign = tuple(entry for entry in habit.campaign if entry.action not in actions)

    def teach(self, lessons: Lessons) -> None:
        """Apply adoptions, new things, hours, attempts, failures and user-days."""
        self.rarity.teach(lessons)
        self.failures.teach(lessons.by_name["failures"], lessons.hours)
        self.calibration.teach(lessons.by_number["calibration"])

    @staticmethod
    def counterfactual(changes: Mapping[str, Any], threshold: float) -> str:
        """Say how many more identities, or days, would have made it ordinary."""
        return counterfactual(changes, threshold)

    def _parts(self) -> dict[str, Part]:
        """Return what the population knows, by the names under which it is saved."""
        return {"calibration": self.calibration, "failures": self.failures, **self.rarity.parts()}

    def _tables(self) -> dict[str, Part]:
        """Return what is known of each identity, likewise."""
        return {"habits": self.rarity.habits, "failures": self.failures.states}

    def dump_population(self) -> Iterator[Json]:
        """Yield the rows of what the population knows."""
        return dump_parts(self._parts())

    def dump_identities(self) -> Iterator[Json]:
        """Yield one row an identity and table."""
        return dump_parts(self._tables())

    def load(self, population: Iterable[Json], identities: Iterable[Json]) -> None:
        """Replace everything known by what the two dumps gave."""
        load_parts(self._parts(), population)
        load_parts(self._tables(), identities)

    def memory(self) -> Memory:
        """Say how much is held."""
        rarity, failures = self.rarity, self.failures
        dropped = rarity.habits.evicted_values + failures.states.evicted_values
        return Memory(
            keys=len(rarity.habits),
            entries=rarity.entries() + failures.entries(),
            evicted=rarity.habits.evicted + rarity.backoff.evicted + failures.evicted + dropped,
            warmth=self.calibration.warmth,
        )

    def _terms(
        self, seen: ActorBucket, cell: Cell, habit: Habit | None, crowd: Crowd, session: Collection[str], told: set[str]
    ) -> dict[str, float]:
        """Return the named surprises of a cell by itself.

        `session` are the services that earlier cells of the bucket have touched; `told` are the terms of context that
        an earlier one has carried: a new network is one surprise, however much is done from there.
        """
        hours = seen.bucket.hours
        likely, weight = self._likelihood(seen, cell, habit, crowd, session)
        terms = {"action": surprise(likely.probability)}
        if cell.failures or cell.denials:
            fails = self.failures.probability(seen.actor.id, cell.action, hours, crowd, seen.cells)
            terms["outcome"] = surprise(fails) * (_REFUSAL if cell.denials else _OTHER_FAILURE)
        if sum(terms.values()) <= CONTEXT_FLOOR:
            return terms
        if weight:
            terms["sensitivity"] = weight
        if habit is not None:
            if off := self.rarity.off_hours(habit, hours):
                terms["hour"] = _OFF_HOURS * off
            moved, strayed = self.rarity.moved(habit, tuple(map(network, cell.addresses)), cell.scopes)
            for name, value in (("network", moved), ("scope", strayed)):
                if value and name not in told:
                    told.add(name)
                    terms[name] = min(_MOST_CONTEXT, value)
            # Of an identity that is only known by what came late, no bucket has been counted.
            terms["busy"] = -_BUSY * math.log10(max(1, habit.buckets) / max(1, habit.days))
        excess = sum(terms.values()) - self.evidence.floor
        if (habit is None or habit.days < 2) and not weight and excess > 0.0:
            terms["beginner"] = (_BEGINNER - 1.0) * excess
        return terms

    def _likelihood(
        self, seen: ActorBucket, cell: Cell, habit: Habit | None, crowd: Crowd, session: Collection[str], peers: int = 0
    ) -> tuple[Likelihood, float]:
        """Return how likely a cell is, with so many more peers imagined, and how sensitive.

        Deleting what one makes is no surprise; but to end a log, those who set it up are as good as any. Attempts in
        vain at what intruders need teach nothing of success, and make the next attempt in vain no surprise.
        """
        hours, weight = seen.bucket.hours, self.weigh(cell.action)
        made = (
            habit is not None
            and self.rarity.makes(habit, cell.action, hours)
            and tactic(cell.action) != Tactic.BLINDING
        )
        if made:
            weight = min(weight, _OWN_MAKE)
        least = MADE if made else 0.0
        if habit is not None and (in_vain := self._in_vain(seen, cell)):
            least = max(least, self.rarity.own_in_vain(habit, in_vain, hours))
        likely = self.rarity.likelihood(
            habit,
            cell.action,
            seen.actor.kind,
            hours,
            session,
            extra=_others(crowd, cell.action) + peers,
            guarded=weight >= GUARDED_FROM,
            least=least,
        )
        return likely, weight

    def _is_guarded(self, action: str) -> bool:
        return self.weigh(action) >= GUARDED_FROM

    def _in_vain(self, seen: ActorBucket, cell: Cell) -> float:
        """Return how often, fading, the identity has failed at a cell that intruders need and that only failed."""
        if cell.successes or not cell.failed or not self._is_guarded(cell.action):
            return 0.0
        return self.failures.times_failed(seen.actor.id, cell.action, seen.bucket.hours)

    def _facts(
        self,
        seen: ActorBucket,
        habit: Habit | None,
        crowd: Crowd,
        one: Judged,
        around: float,
        raised: float,
        campaign: Sequence[CampaignEntry],
    ) -> dict[str, Json]:
        """Return every number that the surprise came from."""
        total = self.evidence.total(one.alone, around) + raised
        actor, hours, rarity, cell = seen.actor, seen.bucket.hours, self.rarity, one.cell
        kind, terms, others = str(actor.kind), one.terms or {}, _others(crowd, cell.action)
        known, _ = self._likelihood(seen, cell, habit, crowd, one.session)
        habit = habit if habit is not None else Habit()
        outcome: Json = None
        if "outcome" in terms:
            fails = self.failures.probability(actor.id, cell.action, hours, crowd, seen.cells)
            weight = _REFUSAL if cell.denials else _OTHER_FAILURE
            outcome = {"probability": fails, "weight": weight, **self.failures.counts(actor.id, cell.action, hours)}
        weight = growth(hours, rarity.half_life)

        def score(action: float) -> float:
            return self.calibration.score(self.evidence.total(one.alone - terms["action"] + action, around) + raised)

        def joined(peers: int) -> float:
            among, _ = self._likelihood(seen, cell, habit, crowd, one.session, peers)
            return score(surprise(among.probability))

        def repeated(days: int) -> float:
            own = max(0.0, days - rarity.discount) / (habit.buckets + rarity.concentration + BUCKETS_A_DAY * days)
            return score(surprise(max(known.least, own + known.novelty * known.base)))

        return {
            "surprise": total,
            "terms": {**terms, "evidence": total - one.alone - raised, **({"campaign": raised} if raised else {})},
            "probability": {
                "action": known.probability,
                "own": known.own,
                "novelty": known.novelty,
                "peers": known.base,
                "least": known.least,
                "in_vain": self._in_vain(seen, cell),
                "times": habit.actions.known(cell.action) / weight,
                "active_buckets": habit.weight / weight,
                "discount": rarity.discount,
                "concentration": rarity.concentration,
            },
            "outcome": outcome,
            "days_known": habit.days,
            "buckets_known": habit.buckets,
            "usual": list[Json](habit.usual()),
            "session": list[Json](one.session),
            "identities": rarity.headcount.known,
            "identities_with_action": rarity.backoff.adopters(cell.action),
            "identities_of_kind_with_action": rarity.backoff.adopters(cell.action, kind),
            "newcomers_with_action": rarity.newcomers_left_out(habit, cell.action, self._is_guarded(cell.action)),
            "identities_doing_it_now": others,
            "networks_known": list[Json](habit.networks.names),
            "evidence": {
                "around": around,
                "begins": self.evidence.begins,
                "floor": self.evidence.floor,
                "share": self.evidence.share,
                "most": self.evidence.most,
                "anomalies": list[Json](habit.evidence.anomalies),
            },
            "campaign": self.campaign.facts(campaign, hours, one.tactic, one.cell.service) if raised else None,
            "user_day": self.calibration.facts(total),
            "changes": {"identities": imagined(_STEPS, joined), "days": imagined(_STEPS, repeated)},
        }


def _others(crowd: Crowd, action: str) -> int:
    """Return how many other identities did it in the same bucket: a roll-out is not one identity's deviation."""
    return max(0, crowd.tally(action).actors - 1)
