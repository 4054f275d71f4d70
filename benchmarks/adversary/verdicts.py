"""Runs the service over one tenant with what is planted into it, and holds its alerts against the truth."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.adversary.cast import PLAIN, Cast
from benchmarks.adversary.honest import Counterpart
from benchmarks.detection.cells import Key
from benchmarks.detection.tenants import lines
from benchmarks.detection.unwonted import Run, run
from demo.tenant import Call, Tenant
from service.settings import Settings

SHOWN = 4


class Moment(NamedTuple):
    """One step: stable id of who did it, what, and when in seconds from the epoch."""

    actor: str
    action: str
    time: float

    @property
    def key(self) -> Key:
        """Its cell."""
        return self.actor, self.action, int(self.time // 3600)

    @property
    def user_day(self) -> tuple[str, int]:
        """The identity's day."""
        return self.actor, int(self.time // 86_400)


@dataclass(frozen=True)
class Best:
    """One cell of an attack: who, what, hour from the epoch, and by detector its score and surprise."""

    key: Key
    judged: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class AttackVerdict:
    """What became of an attack.

    Attributes
    ----------
    name, style, strength
        Which.
    score
        The highest of any detector on the days of its identities on which it goes on.
    margin
        By how much the best of its own cells exceeds its detector's threshold; negative if none does.
    alerted
        Whether an alert about one of its identities covers one of its steps.
    payload
        The same of its payload; None if it has no preparations.
    named
        Whether an alert names one of its cells.
    days
        Of each day on which it goes on whether it is alerted on it.
    best
        Its highest cells.
    """

    name: str
    style: str
    strength: str
    score: float
    margin: float
    alerted: bool
    payload: bool | None
    named: bool
    days: list[bool]
    best: list[Best]


@dataclass(frozen=True)
class HonestVerdict:
    """What became of honest work: whether it was alerted, and how many of its days were."""

    name: str
    kind: str
    allowed: bool
    alerted: bool
    days: int
    days_alerted: int
    best: list[Best]


@dataclass(frozen=True)
class TenantVerdict:
    """One tenant: attacks, honest work, and wrongly accused user-days of so many identity-days.

    Nobody is accused wrongly on a day on which something is planted for them, or once an attack has begun to use them.
    """

    attacks: list[AttackVerdict]
    honest: list[HonestVerdict]
    false: int
    identity_days: float
    records: int


class _Judge:
    def __init__(self, seen: Run) -> None:
        self._seen = seen
        self._keys_told = {key for told in seen.told.values() for key in told}
        self._windows: dict[str, list[tuple[float, float]]] = {}
        for actor, begins, ends in seen.windows:
            self._windows.setdefault(actor, []).append((begins, ends))
        self._top: dict[tuple[str, int], float] = {}
        for entries in seen.judged.values():
            for (actor, _, hour), (score, _) in entries.items():
                day = actor, hour // 24
                self._top[day] = max(score, self._top.get(day, 0.0))

    def alerted(self, moment: Moment) -> bool:
        """Whether an alert about its identity covers it."""
        return any(begins <= moment.time < ends for begins, ends in self._windows.get(moment.actor, ()))

    def named(self, moments: Iterable[Moment]) -> bool:
        """Whether an alert names one of the cells."""
        return any(moment.key in self._keys_told for moment in moments)

    def score(self, moments: Iterable[Moment]) -> float:
        """Return the highest score of their identities' days."""
        return max((self._top.get(moment.user_day, 0.0) for moment in moments), default=0.0)

    def best(self, moments: Iterable[Moment]) -> list[Best]:
        """Return their cells, those that come nearest to an alert first."""
        found = []
        for key in dict.fromkeys(moment.key for moment in moments):
            judged = {name: entries[key] for name, entries in self._seen.judged.items() if key in entries}
            found.append(Best(key, judged))
        return sorted(found, key=lambda one: -self.margin([one]))

    def margin(self, cells: Iterable[Best]) -> float:
        """Return by how much the best exceeds its threshold."""
        thresholds = self._seen.thresholds
        return max(
            (score - thresholds[name] for cell in cells for name, (score, _) in cell.judged.items()), default=-100.0
        )


def judge(cast: Cast, settings: Settings, *, plain: bool = True) -> TenantVerdict:
    """Simulate, replay, and judge, with or without the attacks of the tenant itself."""
    plan = cast.plan
    tenant = Tenant(plan, cast.calls())
    seen = run(lines(tenant), settings)
    judged, start = _Judge(seen), plan.start.timestamp()

    def moments(calls: Iterable[Call]) -> list[Moment]:
        return [Moment(call.who.id, call.what.action, start + call.time / 1e6) for call in calls]

    own = {
        campaign: [Moment(campaign.actor, step.action, step.time.timestamp()) for step in campaign.steps]
        for campaign in tenant.campaigns
    }
    attacks = []
    for name, (style, strength, *_), attack in cast.attacks:
        attacks.append(_attack(judged, name, style, strength, moments(attack.steps), moments(attack.payload)))
    for campaign, steps in own.items() if plain else ():
        name = f"{PLAIN}, {campaign.style}, {plan.seed}/{campaign.id}"
        attacks.append(_attack(judged, name, PLAIN, campaign.style, steps, []))
    honest = [
        _honest(judged, name, kind, moments(calls if counted is None else counted))
        for name, kind, (calls, counted) in cast.honest
        if counted != ()
    ]
    first = plan.days * 2 // 5
    begins = int(start // 86_400) + first
    since: dict[str, int] = {}
    for steps in (*own.values(), *(moments(one.attack.steps) for one in cast.attacks)):
        for moment in steps:
            since[moment.actor] = min(moment.user_day[1], since.get(moment.actor, moment.user_day[1]))
    planted = {moment.user_day for moment in moments(cast.calls())}
    known = {who.id for who in tenant.identities}
    told = {(actor, hour // 24) for entries in seen.told.values() for actor, _, hour in entries}
    false = sum(
        actor in known and begins <= day < since.get(actor, day + 1) and (actor, day) not in planted
        for actor, day in told
    )
    return TenantVerdict(attacks, honest, false, float(plan.identities * (plan.days - first)), seen.records)


def _honest(judged: _Judge, name: str, kind: Counterpart, counted: list[Moment]) -> HonestVerdict:
    days = {moment.user_day for moment in counted}
    alerted = {moment.user_day for moment in counted if judged.alerted(moment)}
    best = judged.best(counted)[:SHOWN] if alerted else []
    return HonestVerdict(name, kind.name, kind.allowed, bool(alerted), len(days), len(alerted), best)


def _attack(
    judged: _Judge, name: str, style: str, strength: str, steps: list[Moment], payload: list[Moment]
) -> AttackVerdict:
    best = judged.best(steps)
    days = dict.fromkeys((int(moment.time // 86_400) for moment in steps), False)
    for moment in steps:
        days[moment.user_day[1]] |= judged.alerted(moment)
    return AttackVerdict(
        name,
        style,
        strength,
        judged.score(steps),
        judged.margin(best),
        any(map(judged.alerted, steps)),
        any(map(judged.alerted, payload)) if payload else None,
        judged.named(steps),
        list(days.values()),
        best[:SHOWN],
    )
