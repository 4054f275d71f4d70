"""Rare action: an identity does what it does not do, judged against its own habits and those of its peers.

Why it matters: whoever steals an identity rarely has its habits. The surprise of a cell is a sum of named terms
(action, outcome, sensitivity, hour, network, scope, evidence), each computed elsewhere and put together here.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from models.anomalies import Anomaly, Json
from models.calibration import Calibration
from models.cells import ActorBucket, Cell, Crowd
from models.decay import growth, surprise
from models.detector import Card, Memory
from models.detectors.rare_action_why import DEFAULT_THRESHOLD, counterfactual, sentence
from models.evidence import NONE, Accumulation, Gathering
from models.failure_rate import FailureRate
from models.habits import Habit
from models.places import network
from models.rarity import Rarity
from models.sensitivity import SENSITIVE, sensitivity

NAME = "rare_action"
CONTEXT_FLOOR = 1.5  # surprise from which the context is looked at
MOST_CONTEXT = 2.5  # of the surprise of a new network or scope
OTHER_FAILURE = 0.5  # what a failure for another reason than want of permission weighs: conflicts happen to everybody
COMPANY = 0.4  # powers of ten that each usual action before it in the bucket makes a new one less telling
MOST_COMPANY = 1.2
FAMILIAR = (
    0.032  # 10**-CONTEXT_FLOOR: an own habit that explains an action well enough to leave peers and context unasked
)
HELD_FROM = 75.0  # score from which an action teaches only when it recurs on another day
NOTHING: Mapping[str, float] = {}
GATHERING = Accumulation()

CARD = Card(
    name=NAME,
    title="Identity did something unusual for it",
    what="An identity performed operations that it, and those like it, hardly ever perform.",
    why="Somebody who took over an account or a service principal seldom has its habits: first they look around, "
    "then they grant themselves roles, read keys, run commands or export disks. Each is legal; for this identity "
    "it is new.",
    false_positives=(
        "A new duty, project or on-call shift: the first hours of real change look like this.",
        "Maintenance or a migration that somebody does once a year.",
        "A pipeline that was given a new step, or a tool's new version that calls other operations.",
    ),
    response=(
        "Read the list of operations as a story: looking around, granting, reading secrets, running, exporting?",
        "Ask the identity's owner through another channel than mail or chat whether they did it.",
        "Compare address and scope with the identity's usual ones; look at its sign-ins of the last day.",
        "If it was not them: revoke sessions, rotate its secrets, and undo role assignments and credentials first.",
    ),
    mitre=("TA0001/T1078.004", "TA0003/T1098", "TA0004/T1098.003", "TA0008/T1021.007", "TA0010/T1537"),
)


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

    default_threshold = DEFAULT_THRESHOLD

    def __init__(
        self,
        explain_from: float = 40.0,
        max_identities: int = 200_000,
        max_actions: int = 512,
        half_life_days: float = 30.0,
        sensitive: Mapping[str, float] = SENSITIVE,
        evidence: Accumulation = GATHERING,
    ) -> None:
        self.explain_from = explain_from
        self.sensitive = sensitive
        self.evidence = evidence
        half_life = half_life_days * 24.0
        self.rarity = Rarity(half_life=half_life, max_identities=max_identities, max_actions=max_actions)
        self.failures = FailureRate(half_life=half_life, max_identities=max_identities)
        self.calibration = Calibration()

    @property
    def card(self) -> Card:
        """Who this detector is."""
        return CARD

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge each cell with an attempt, in the order of the bucket."""
        actor, bucket, cells = seen.actor, seen.bucket, seen.cells
        hours = bucket.hours
        rarity, rule, score_of = self.rarity, self.evidence, self.calibration.score
        habit = rarity.habits.get(actor.id)
        so_far, own, discount, total_weight = 0.0, NOTHING, 0.0, 1.0
        if habit is not None:
            weight = growth(hours, rarity.half_life)
            so_far, own, discount = rule.so_far(habit.evidence, hours), habit.actions, rarity.discount * weight
            total_weight = habit.weight + rarity.concentration * weight
        anomalies, gathering, told = [], Gathering(rule), set[str]()
        session: dict[str, None] = {}
        before = usual = 0
        for number, cell in enumerate(cells):
            if not cell.attempts:
                continue
            likely = (own.get(cell.action, 0.0) - discount) / total_weight
            if likely >= FAMILIAR and not cell.failures and not cell.denials:
                usual += 1
                total = max(0.0, -math.log10(likely))
                score = score_of(total)
            else:
                session.update((earlier.service, None) for earlier in cells[before:number] if earlier.attempts)
                before = number
                terms = self._terms(seen, cell, habit, crowd, session, told, usual)
                usual += likely > 0.0
                value = sum(terms.values())
                total = rule.total(value, so_far + gathering.gained)
                score = score_of(total)
                if score >= self.explain_from:
                    facts = self._facts(seen, cell, habit, crowd, session, so_far + gathering.gained, terms, total)
                    anomalies.append(
                        Anomaly(NAME, actor, bucket, cell, round(score, 2), round(total, 4), sentence(facts), facts)
                    )
                    gathering.add(value, cell.service)
                    continue
                gathering.add(value, cell.service)
            anomalies.append(Anomaly(NAME, actor, bucket, cell, round(score, 2), round(total, 4)))
        return anomalies

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly]) -> None:
        """Make a closed bucket part of the identity's habits."""
        tried = [cell for cell in seen.cells if cell.attempts]
        if not tried:
            return
        actor, hours = seen.actor, seen.bucket.hours
        worst, held = 0.0, set[str]()
        for anomaly in scored:
            worst = max(worst, anomaly.surprise)
            if anomaly.score >= HELD_FROM:
                held.add(anomaly.cell.action)
        networks = {network(address) for cell in tried for address in cell.addresses}
        scopes = {scope for cell in tried for scope in cell.scopes}
        habit = self.rarity.learn(
            actor.id,
            actor.kind,
            hours,
            [(cell.action, not cell.successes and (cell.failures or cell.denials) > 0) for cell in tried],
            held,
            tried[0].late,
            (networks, scopes),
            crowd,
        )
        self.failures.learn(actor.id, [(cell.action, (cell.failures or cell.denials) > 0) for cell in tried], hours)
        if worst > self.evidence.floor or habit.evidence is not NONE:
            habit.evidence = self.evidence.after(habit.evidence, hours, scored)
        day = int(hours // 24.0)
        if worst > habit.worst and day == habit.day:
            habit.worst = self.calibration.learn(day, habit.worst if habit.worst >= 0.0 else None, worst)

    def dump(self) -> Iterator[Json]:
        """Yield each part's rows."""
        for row in self.calibration.dump():
            yield ["calibration", row]
        for row in self.failures.dump():
            yield ["failures", row]
        for row in self.rarity.dump():
            yield ["rarity", row]

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything known by what `dump` gave."""
        parts: dict[str, list[Any]] = {"calibration": [], "failures": [], "rarity": []}
        for part, row in rows:
            parts[part].append(row)
        self.calibration.load(parts["calibration"])
        self.failures.load(parts["failures"])
        self.rarity.load(parts["rarity"])

    def memory(self) -> Memory:
        """Say how much is held."""
        evicted = self.rarity.evicted + self.rarity.habits.evicted + self.rarity.backoff.evicted + self.failures.evicted
        return Memory(
            keys=len(self.rarity.habits),
            entries=self.rarity.entries() + self.failures.entries(),
            evicted=evicted,
            warmth=self.calibration.warmth,
        )

    def _terms(
        self,
        seen: ActorBucket,
        cell: Cell,
        habit: Habit | None,
        crowd: Crowd,
        session: Mapping[str, None],
        told: set[str],
        usual: int,
    ) -> dict[str, float]:
        """Return the named surprises of a cell: everything but evidence.

        `session` are the services that earlier cells of the bucket have touched; `told` are the terms of context that
        an earlier one has carried: a new network is one surprise, however much is done from there. `usual` is how
        many actions came before that are nothing new for it: whoever uses a stolen identity seldom does its everyday
        work around it.
        """
        hours = seen.bucket.hours
        likely = self.rarity.likelihood(habit, cell.action, seen.actor.kind, hours, session)
        terms = {"action": surprise(likely.probability)}
        if cell.failures or cell.denials:
            fails = self.failures.probability(seen.actor.id, cell.action, hours, crowd, seen.cells)
            terms["outcome"] = surprise(fails) * (1.0 if cell.denials else OTHER_FAILURE)
        if sum(terms.values()) <= CONTEXT_FLOOR:
            return terms
        if usual:
            terms["company"] = -min(MOST_COMPANY, COMPANY * usual)
        if weight := sensitivity(cell.action, self.sensitive):
            terms["sensitivity"] = weight
        if habit is not None:
            if off := self.rarity.off_hours(habit, hours):
                terms["hour"] = off
            moved, strayed = self.rarity.moved(habit, tuple(map(network, cell.addresses)), cell.scopes)
            for name, value in (("network", moved), ("scope", strayed)):
                if value and name not in told:
                    told.add(name)
                    terms[name] = min(MOST_CONTEXT, value)
        return terms

    def _facts(
        self,
        seen: ActorBucket,
        cell: Cell,
        habit: Habit | None,
        crowd: Crowd,
        session: Mapping[str, None],
        so_far: float,
        terms: dict[str, float],
        total: float,
    ) -> dict[str, Json]:
        """Return every number that the surprise came from."""
        actor, hours, rarity = seen.actor, seen.bucket.hours, self.rarity
        kind = str(actor.kind)
        known, habit = rarity.likelihood(habit, cell.action, kind, hours, session), habit or Habit()
        own = sum(terms.values())
        outcome: Json = None
        if "outcome" in terms:
            fails = self.failures.probability(actor.id, cell.action, hours, crowd, seen.cells)
            weight = 1.0 if cell.denials else OTHER_FAILURE
            outcome = {"probability": fails, "weight": weight, **self.failures.counts(actor.id, cell.action, hours)}
        weight = growth(hours, rarity.half_life)
        return {
            "surprise": total,
            "terms": {**terms, "evidence": total - own},
            "probability": {
                "action": known.probability,
                "own": known.own,
                "novelty": known.novelty,
                "peers": known.base,
                "times": habit.actions.get(cell.action, 0.0) / weight,
                "active_buckets": habit.weight / weight,
                "discount": rarity.discount,
                "concentration": rarity.concentration,
            },
            "outcome": outcome,
            "days_known": habit.days,
            "buckets_known": habit.buckets,
            "usual": list[Json](habit.usual()),
            "session": list[Json](session),
            "identities": len(rarity.habits),
            "identities_with_action": rarity.backoff.adopters(cell.action),
            "identities_of_kind_with_action": rarity.backoff.adopters(cell.action, kind),
            "networks_known": list[Json](habit.networks.names),
            "evidence": {
                "so_far": so_far,
                "share": self.evidence.share,
                "floor": self.evidence.floor,
                "most": self.evidence.most,
                "anomalies": list[Json](habit.evidence.anomalies),
            },
            "user_day": self.calibration.facts(total),
            "counterfactual": counterfactual(rarity, self.calibration, seen, cell, habit, session, total),
        }
