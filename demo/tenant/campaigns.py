"""Attacks by compromised or disloyal identities, and the ground truth about them.

Four styles: ``recon`` tries many doors and is denied at most; ``stealthy`` does one or two things; ``insider`` stays in
its own area and hours but does there what it never does; ``multi-step`` carries out a published sequence over hours or
days. Ordinary work of the same identity goes on around each.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from demo.tenant.calls import DAY, HOUR, MINUTE, Call
from demo.tenant.catalogue import SERVICES, Operation, named
from demo.tenant.habits import Habit
from demo.tenant.identities import Directory, Identity
from demo.tenant.machines import Routine
from demo.tenant.people import group_name
from demo.tenant.plan import TenantPlan
from demo.tenant.techniques import RECON, TECHNIQUES, Technique

_STYLES = ("multi-step", "stealthy", "recon", "insider")
_TELLING = ("listkeys", "list", "regenerate", "export", "accesspolicies", "secrets", "sas", "roleassignments",
            "firewallrules", "runcommand", "begingetaccess", "credential", "administrators", "localusers")  # fmt: skip


class Step(NamedTuple):
    """One malicious operation: when it begins (aware UTC), its case-folded name, and whether it failed."""

    time: datetime
    action: str
    failed: bool


@dataclass(frozen=True)
class Campaign:
    """One planted attack.

    Attributes
    ----------
    id
        Number as text, ``c01`` on.
    style, technique, mitre
        One of the four styles; what is done; its ATT&CK id.
    actor, actor_name
        Stable id and name of the identity that does it.
    steps
        What it does, in order of time.
    calls
        The same as the generator carries it out.
    """

    id: str
    style: str
    technique: str
    mitre: str
    actor: str
    actor_name: str
    steps: tuple[Step, ...]
    calls: tuple[Call, ...]


class Adversary:
    """Plans the campaigns of a tenant.

    Parameters
    ----------
    plan
        Number and window of the campaigns.
    directory
        Whom to compromise.
    """

    def __init__(self, plan: TenantPlan, directory: Directory) -> None:
        self._plan = plan
        self._directory = directory
        self._rng = Random(f"{plan.seed}/campaigns")
        self._taken: set[int] = set()
        self._deck: list[Technique] = []

    def campaigns(self) -> tuple[Campaign, ...]:
        """Plan all campaigns, in order of their first step."""
        planned = [self._campaign(_STYLES[i % len(_STYLES)]) for i in range(self._plan.campaigns)]
        planned.sort(key=lambda campaign: campaign[-1][0].time)
        return tuple(
            Campaign(f"c{number:02d}", style, technique, mitre, who.id, who.name, self._truth(calls), tuple(calls))
            for number, (style, technique, mitre, who, calls) in enumerate(planned, 1)
        )

    def _truth(self, calls: list[Call]) -> tuple[Step, ...]:
        start = self._plan.start
        return tuple(
            Step(start + timedelta(microseconds=call.time), call.what.action, bool(call.failure)) for call in calls
        )

    def _campaign(self, style: str) -> tuple[str, str, str, Identity, list[Call]]:
        rng = self._rng
        day = self._day()
        who = self._victim(style, day)
        begin = self._begin(day, who, style)
        place = self._place(who, style)
        own = rng.choice(who.subscriptions)
        elsewhere = style != "insider" and rng.random() < 0.3
        subscription = rng.randrange(len(self._directory.subscriptions)) if elsewhere else own
        name, mitre, steps, denied, pause = self._steps(style, who)
        end = self._plan.days * DAY
        calls = []
        for entry in steps:
            failure = "Forbidden" if rng.random() < denied else ""
            calls.append(
                Call(min(begin, end - 1), who, entry, failure, subscription, group_name(rng, subscription), place)
            )
            begin += int(rng.expovariate(1 / pause)) + 3_000_000
            if style in {"insider", "multi-step"} and rng.random() < 0.2:
                begin += int(rng.uniform(0.5, 1.3) * DAY)
        # What would lie beyond the simulated time does not happen; the first step always does.
        return style, name, mitre, who, [call for i, call in enumerate(calls) if i == 0 or call.time < end - 1]

    def _day(self) -> int:
        """Draw a day; most attackers know that nobody works at weekends and that they would stand out."""
        rng, plan = self._rng, self._plan
        day = 0
        for _ in range(3):
            day = rng.randint(plan.first_campaign_day, plan.last_campaign_day)
            if (plan.start + timedelta(days=day)).weekday() < 5 or rng.random() < 0.3:
                break
        return day

    def _victim(self, style: str, day: int) -> Identity:
        rng = self._rng
        kinds = (
            ["human"] * 14
            + ["guest"]
            + ([] if style == "insider" else ["service_principal"] * 4 + ["managed_identity"] * 2)
        )
        kind = rng.choice(kinds)
        free = [
            who
            for who in self._directory.identities
            if who.index not in self._taken and who.first_day < max(1, day - 2) and who.role != "naming"
        ]
        wanted = [who for who in free if who.kind == kind] or free or list(self._directory.identities)
        who = rng.choice(wanted)
        self._taken.add(who.index)
        return who

    def _begin(self, day: int, who: Identity, style: str) -> int:
        rng = self._rng
        usual = who.person and (style == "insider" or rng.random() < 0.55)
        hour = rng.gauss(12.5, 2.8) - who.zone if usual else rng.uniform(0, 24)
        return day * DAY + int(hour % 24 * HOUR)

    def _place(self, who: Identity, style: str) -> str:
        rng = self._rng
        lot = 1.0 if style == "insider" else rng.random()
        if lot < 0.6:
            return self._directory.foreign(rng)
        return rng.choice(self._directory.runners if lot < 0.75 else who.networks)

    def _steps(self, style: str, who: Identity) -> tuple[str, str, list[Operation], float, float]:
        """Choose what is done: technique, ATT&CK id, operations, share of denials, mean pause in microseconds."""
        rng = self._rng
        if style == "recon":
            doors = [named(name) for name in rng.sample(RECON, rng.randint(3, 9))]
            return "Search for ways on", "T1526", doors, rng.uniform(0.55, 0.9), rng.uniform(0.3, 8) * MINUTE
        if style == "insider":
            return "Misuse of one's own area", "T1078.004", self._own_area(who), 0.06, rng.uniform(3, 60) * MINUTE
        wanted = [t for t in self._techniques() if (len(t.steps) >= 3) == (style == "multi-step")]
        # It is seldom the person's own work that a stolen identity is used for.
        foreign = [t for t in wanted if named(t.steps[-1]).service not in self._favourites(who)]
        technique = foreign[0] if foreign and rng.random() < 0.7 else wanted[0]
        self._deck.remove(technique)
        steps = [name for i, name in enumerate(technique.steps) if i not in technique.optional or rng.random() < 0.6]
        if style == "stealthy":
            return technique.name, technique.mitre, [named(n) for n in steps[:2]], 0.05, rng.uniform(1, 40) * MINUTE
        second = rng.choice(TECHNIQUES)
        if rng.random() < 0.4:
            steps += second.steps[:2]
        return technique.name, technique.mitre, [named(n) for n in steps], 0.08, rng.uniform(1, 90) * MINUTE

    def _techniques(self) -> list[Technique]:
        """Deal from a shuffled deck, so that a few campaigns already differ."""
        if len({len(t.steps) >= 3 for t in self._deck}) < 2:
            fresh = list(TECHNIQUES)
            self._rng.shuffle(fresh)
            self._deck += fresh
        return self._deck

    def _own_area(self, who: Identity) -> list[Operation]:
        rng = self._rng
        if who.person:
            habit = Habit(who, self._plan)
            services = habit.services()[:5]
            usual = {action for service in services for action in habit.usual(service)}
        else:
            programme = Routine(who, self._plan).programme()
            usual = {entry.action for entry in programme}
            services = list(dict.fromkeys(entry.service for entry in programme if entry.service in SERVICES))
        area = [entry for service in services for entry in SERVICES[service] if entry.action not in usual]
        telling = [entry for entry in area if any(word in entry.action for word in _TELLING)]
        if len(telling) < 3:
            telling += [entry for entry in area if entry.action.endswith("/delete")] or area
        return rng.sample(telling, min(len(telling), rng.randint(2, 6)))

    def _favourites(self, who: Identity) -> list[str]:
        if who.person:
            return Habit(who, self._plan).services()[:3]
        return [entry.service for entry in Routine(who, self._plan).programme()]
