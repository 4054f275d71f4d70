"""Ways to teach the detectors until a theft looks normal: what is paid on each day, by whom, before which theft.

Whether that works is asked elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.adversary.operations import HARMLESS, WANTED
from benchmarks.adversary.stage import Stage
from benchmarks.adversary.world import World
from demo.tenant import DAY, HOUR, MINUTE, Call, Identity, Operation, TenantPlan, operation

FIRST_DAY = 16
MORNING, AFTERNOON = 10.0, 14.0
FLOOD = 118
ACCOMPLICES_A_DAY = 5
DELETED = 250
MADE = ("Microsoft.Compute/disks", "Microsoft.Network/publicIPAddresses", "Microsoft.Web/serverfarms")

Payment = Callable[[Stage, Identity, Sequence[Operation], int], tuple[Call, ...]]


class Poisoning(NamedTuple):
    """One way to teach: what it is, in which unit and how fast it is paid, and what is done on a day."""

    name: str
    unit: str
    a_day: int
    pay: Payment


class Theft(NamedTuple):
    """What is asked about: whose it would be, in which hour of which days, and how often each operation."""

    victim: Identity
    operations: Mapping[str, int]
    hour: int


def _at(who: Identity, day: int, hour: float) -> int:
    return day * DAY + int((hour - who.zone) % 24 * HOUR)


def _bundle(stage: Stage, who: Identity, wanted: Sequence[Operation], day: int) -> tuple[Call, ...]:
    return stage.calls(who, wanted, _at(who, day, AFTERNOON), stage.home(who))


def _refused(stage: Stage, who: Identity, wanted: Sequence[Operation], day: int) -> tuple[Call, ...]:
    return stage.calls(who, wanted, _at(who, day, AFTERNOON), stage.home(who), failure="Forbidden")


def _one_of_them(stage: Stage, who: Identity, wanted: Sequence[Operation], day: int) -> tuple[Call, ...]:
    return _bundle(stage, who, wanted[:1], day)


def _flood(stage: Stage, who: Identity, wanted: Sequence[Operation], day: int) -> tuple[Call, ...]:
    rng, known = stage.rng, stage.life(who).operations
    real = [entry for entry in HARMLESS if entry.action not in known]
    made_up = f"Microsoft.CustomProviders/resourceProviders/{rng.getrandbits(32):08x}"
    entries = [
        rng.choice(real) if n % 2 else operation(f"{made_up}{n}/write")
        for n in range(FLOOD)
    ]  # fmt: skip
    return stage.calls(who, entries, _at(who, day, AFTERNOON), stage.home(who), 8 * HOUR / FLOOD)


def _accomplices(stage: Stage, who: Identity, wanted: Sequence[Operation], day: int) -> tuple[Call, ...]:
    calls: tuple[Call, ...] = ()
    for _ in range(ACCOMPLICES_A_DAY):
        fresh = stage.stranger("human", "developer", day)
        calls += stage.calls(
            fresh, wanted, _at(who, day, AFTERNOON), stage.home(fresh), subscription=stage.subscription(who)
        )
    return calls


def _adopter() -> Payment:
    chosen: dict[int, Identity] = {}

    def pay(stage: Stage, who: Identity, wanted: Sequence[Operation], day: int) -> tuple[Call, ...]:
        other = chosen.get(id(stage)) or chosen.setdefault(id(stage), stage.known(machines=0.0))
        return stage.calls(other, wanted, _at(other, day, AFTERNOON), stage.home(other))

    return pay


def _making(stage: Stage, who: Identity, wanted: Sequence[Operation], day: int) -> tuple[Call, ...]:
    made, deleted = wanted
    return stage.calls(who, [made, deleted], _at(who, day, AFTERNOON), stage.home(who), 20 * MINUTE)


POISONINGS = (
    Poisoning("the same three every day", "days", 1, _bundle),
    Poisoning("refused every day", "days", 1, _refused),
    Poisoning(f"{FLOOD} harmless novelties a day", "days", 1, _flood),
    Poisoning("fresh accomplices do it", "accomplices", ACCOMPLICES_A_DAY, _accomplices),
    Poisoning("one of the three every day", "days", 1, _one_of_them),
    Poisoning("one made and deleted every day", "days", 1, _making),
    Poisoning("one colleague does it every day", "days", 1, _adopter()),
)


class Question(NamedTuple):
    """One theft, the poisoning before it, and who paid on which days."""

    poisoning: Poisoning
    theft: Theft
    calls: tuple[Call, ...]


def questions(plan: TenantPlan) -> Iterator[Question]:
    """Make up one victim a poisoning; no two thefts have an operation in common."""
    world, taken, free = World(plan), set[int](), list(WANTED)
    for number, poisoning in enumerate(POISONINGS):
        stage = Stage(world, f"price/{poisoning.name}", taken)
        who = stage.known(machines=0.0)
        if poisoning.pay is _making:
            thing = MADE[plan.seed % len(MADE)]
            wanted = [operation(f"{thing}/write"), operation(f"{thing}/delete")]
            stolen = {wanted[1].action: DELETED}
        else:
            wanted = stage.operations(3, [who], free)
            free = [entry for entry in free if entry not in wanted]
            stolen = {entry.action: 1 for entry in wanted}
        [usual] = stage.life(who).usual(world.first, 2)[:1] or [HARMLESS[number]]
        calls: tuple[Call, ...] = ()
        for day in range(FIRST_DAY, plan.days):
            calls += stage.calls(who, [usual], _at(who, day, MORNING), stage.home(who))
            if day < plan.days - 1:
                calls += poisoning.pay(stage, who, wanted, day)
        yield Question(poisoning, Theft(who, stolen, int((MORNING - who.zone) % 24)), calls)
