"""Honest machines that do what looks like an attack."""

from benchmarks.adversary.instance import Instance
from benchmarks.adversary.operations import HARMLESS
from benchmarks.adversary.stage import Stage
from demo.tenant import DAY, HOUR, Call, Identity, Operation, Routine, named, operation

_DEPLOY = (named("Microsoft.Resources/deployments/validate/action"), named("Microsoft.Resources/deployments/write"))
_CHORES = tuple(
    named(f"Microsoft.{name}")
    for name in ("Storage/storageAccounts/listKeys/action", "Compute/virtualMachines/extensions/write",
                 "Network/privateDnsZones/A/write", "Compute/virtualMachines/deallocate/action",
                 "Compute/disks/write", "Resources/tags/write", "Web/sites/config/list/action")
)  # fmt: skip
_KEYS = tuple(
    named(f"Microsoft.{name}")
    for name in ("Storage/storageAccounts/listKeys/action", "Storage/storageAccounts/regenerateKey/action",
                 "DocumentDB/databaseAccounts/listKeys/action", "DocumentDB/databaseAccounts/regenerateKey/action")
)  # fmt: skip
_SNAPSHOT = named("Microsoft.Compute/snapshots/delete")
_SCALE = (named("Microsoft.Compute/virtualMachineScaleSets/write"),
          named("Microsoft.Compute/virtualMachineScaleSets/delete"))  # fmt: skip


def _counted(stage: Stage, calls: list[Call]) -> Instance:
    return Instance(tuple(calls), tuple(call for call in calls if call.time >= stage.world.first * DAY))


def ephemeral(stage: Stage) -> list[Instance]:
    """Let three identities a day be made, do a chore or four, and never be seen again."""
    found = []
    for day in range(stage.world.plan.days):
        for _ in range(3):
            who = stage.stranger("managed_identity", "machine", day)
            entries = stage.rng.sample(_CHORES, stage.rng.randint(1, 4))
            calls = stage.calls(who, entries, stage.any_time(day), stage.home(who))
            found.append(Instance(calls, calls if day >= stage.world.first else ()))
    return found


def fresh(stage: Stage) -> list[Instance]:
    """Let ten applications and managed identities that nobody has seen begin within ten days, each with a routine."""
    first = stage.day(12)
    found = []
    for number in range(10):
        begins = first + stage.rng.randrange(10)
        kind, role = ("managed_identity", "function") if number % 3 == 0 else ("service_principal", "pipeline")
        who = stage.stranger(kind, role if number % 2 else {"function": "machine", "pipeline": "cost"}[role], begins)
        routine = Routine(who, stage.world.plan)
        calls = [
            Call(day * DAY + time, who, entry, run.failure, who.subscriptions[0], "rg-core-1", who.networks[0])
            for day in range(begins, stage.world.plan.days)
            for run in routine.day(day % 7)
            for time, entry in run.steps
            if time < DAY
        ]
        found.append(Instance(tuple(call for call in calls if call.time < stage.world.plan.days * DAY)))
    return [one for one in found if one.calls]


def _kinds(stage: Stage) -> list[Operation]:
    return stage.rng.sample(HARMLESS, 36)


def _deploys(stage: Stage, who: Identity, kinds: list[Operation], days: range, where: int) -> list[Call]:
    """Deploy all of the kinds, then some of them twice each working day."""
    calls: list[Call] = []
    for day in days:
        for _ in range(2 if day % 7 < 5 else 0):
            some = [entry for entry in kinds if not calls or stage.rng.random() < 0.7]
            begins = day * DAY + int(stage.rng.uniform(7, 18) * HOUR)
            calls += stage.calls(who, [*_DEPLOY, *some], begins, stage.home(who), 10_000_000, subscription=where)
    return calls


def new_pipeline(stage: Stage) -> list[Instance]:
    """Let a pipeline that nobody has seen deploy 36 kinds of resources, on its first day and from then on."""
    found = []
    for _ in range(3):
        first = stage.day(3)
        who = stage.stranger("service_principal", "infrastructure", first)
        days = range(first, stage.world.plan.days)
        found.append(Instance(tuple(_deploys(stage, who, _kinds(stage), days, who.subscriptions[0]))))
    return found


def _nights(stage: Stage) -> list[tuple[Call, ...]]:
    first = stage.world.first + 2
    who = stage.stranger("service_principal", "scanner", first)
    return [
        stage.calls(who, [_SNAPSHOT] * 200, day * DAY + int(stage.rng.uniform(2.0, 2.3) * HOUR), stage.home(who), 5e6)
        for day in range(first, stage.world.plan.days)
    ]


def first_clean_up(stage: Stage) -> list[Instance]:
    """Delete 200 snapshots every night from one night on: that first night."""
    found = []
    for _ in range(2):
        nights = _nights(stage)
        found.append(Instance(tuple(call for night in nights for call in night), nights[0]))
    return found


def clean_up(stage: Stage) -> list[Instance]:
    """Delete 200 snapshots every night: each night but the first."""
    first, *nights = _nights(stage)
    return [Instance((*first, *nights[0]), nights[0]), *(Instance(night) for night in nights[1:])]


def autoscaler(stage: Stage) -> list[Instance]:
    """Scale in bursts at any hour, since always."""
    found = []
    for _ in range(3):
        who = stage.stranger("managed_identity", "cluster")
        calls: list[Call] = []
        for day in range(stage.world.plan.days):
            for _ in range(stage.rng.choice((0, 1, 2, 5))):
                entries = stage.rng.choices(_SCALE, (5, 1), k=stage.rng.randint(3, 60))
                calls += stage.calls(who, entries, stage.any_time(day), stage.home(who), 8_000_000)
        found.append(_counted(stage, calls))
    return found


def _destroyed(stage: Stage, *, again: bool) -> list[Instance]:
    """Let pipelines delete all of their test environment, twice; `again`: the second time is what counts."""
    found = []
    for _ in range(3):
        who = stage.stranger("service_principal", "infrastructure")
        where, kinds, day = who.subscriptions[0], _kinds(stage), stage.day(9)
        gone = [operation(entry.name.removesuffix("/write") + "/delete") for entry in kinds] * 3
        calls = _deploys(stage, who, kinds, range(day), where)
        calls += _deploys(stage, who, kinds, range(day + 1, day + 7), where)
        ends = []
        for on in (day, day + 7):
            begins = on * DAY + int(stage.rng.uniform(8, 17) * HOUR)
            ends.append(stage.calls(who, gone, begins, stage.home(who), 12_000_000, subscription=where))
        found.append(Instance((*calls, *ends[0], *ends[1]), ends[again]))
    return found


def first_destruction(stage: Stage) -> list[Instance]:
    """Delete all that a pipeline has deployed in its test subscription since the first day."""
    return _destroyed(stage, again=False)


def destruction(stage: Stage) -> list[Instance]:
    """Delete all of it once more, a week after the first time."""
    return _destroyed(stage, again=True)


def rotation(stage: Stage) -> list[Instance]:
    """Rotate the keys of 40 accounts, as the same application has done before."""
    found = []
    for _ in range(3):
        who = stage.stranger("service_principal", "scanner")
        days = (stage.rng.randrange(5), stage.day())
        rounds = [
            stage.calls(who, _KEYS * 20, day * DAY + int(stage.rng.uniform(1, 5) * HOUR), stage.home(who), 30_000_000)
            for day in days
        ]
        found.append(Instance(rounds[0] + rounds[1], rounds[1]))
    return found
