"""Honest people who do what looks like an attack."""

from functools import partial
from random import Random

from benchmarks.adversary.instance import Instance
from benchmarks.adversary.operations import ASSIGN, ELEVATE
from benchmarks.adversary.stage import Stage, working_days
from demo.tenant import DAY, HOUR, MINUTE, Call, Identity, Person, named, operation

_ROLES = ("developer", "developer", "developer", "platform", "data", "support", "network", "security")
_REPAIRS = tuple(
    named(f"Microsoft.{name}")
    for name in ("Compute/virtualMachines/restart/action", "Compute/virtualMachineScaleSets/write",
                 "Web/sites/restart/action", "Web/serverfarms/write", "Compute/virtualMachines/deallocate/action",
                 "Compute/virtualMachines/start/action", "ContainerService/managedClusters/agentPools/write",
                 "Sql/servers/databases/write", "Cache/redis/forceReboot/action", "Web/sites/slots/slotsswap/action")
)  # fmt: skip
_MACHINE = tuple(
    named(f"Microsoft.{name}")
    for name in ("Network/networkInterfaces/write", "Compute/disks/write", "Compute/virtualMachines/write")
)
_SERVICE = tuple(
    operation(f"Microsoft.Fabric/{name}")
    for name in ("capacities/write", "capacities/resume/action", "capacities/suspend/action", "privateLinks/write")
)


def _days(stage: Stage, who: Identity, days: range) -> list[Call]:
    """Let somebody live their life on some days."""
    person = Person(who, stage.world.plan, stage.world.directory)
    end = stage.world.plan.days * DAY
    made = [call for day in days for call in person.day(day, day % 7)]
    return [call for call in made if 0 <= call.time < end]


def onboarding(stage: Stage) -> list[Instance]:
    """Let 30 people begin within a week, and do their work from then on."""
    first = stage.day(12)
    found = []
    for _ in range(30):
        begins = first + stage.rng.randrange(7)
        who = stage.stranger("human", stage.rng.choice(_ROLES), begins)
        found.append(Instance(tuple(_days(stage, who, range(begins, stage.world.plan.days)))))
    return [one for one in found if one.calls]


def guests(stage: Stage) -> list[Instance]:
    """Let guests of other tenants begin within two weeks, and do their work from then on."""
    first = stage.day(18)
    found = []
    for _ in range(6):
        begins = first + stage.rng.randrange(14)
        who = stage.stranger("guest", stage.rng.choice(_ROLES), begins)
        found.append(Instance(tuple(_days(stage, who, range(begins, stage.world.plan.days)))))
    return [one for one in found if one.calls]


def rollout(stage: Stage) -> list[Instance]:
    """Let 80 identities take up a service that is new to the tenant, within four days, amid what they do anyway."""
    first = stage.day(5)
    found, whos = [], []
    for _ in range(min(80, stage.world.plan.identities // 5)):
        who = stage.known(lambda who: who.person or who.role in {"pipeline", "infrastructure"})
        whos.append(who)
        usual = stage.life(who).usual(stage.world.first, 2)
        amid = usual[: stage.rng.randint(0, 3)]
        entries = [*amid, *stage.rng.sample(_SERVICE, stage.rng.randint(1, 3))]
        begins = stage.usual_time(who, first + stage.rng.randrange(4))
        found.append(Instance(stage.calls(who, entries, begins, stage.home(who))))
    for who in whos:
        stage.release(who)
    return found


def on_call(stage: Stage) -> list[Instance]:
    """Repair things at night from home, on three nights of a week."""
    found = []
    for _ in range(8):
        who = stage.known(lambda who: who.kind == "human" and who.role in {"platform", "support", "developer"})
        first, calls = stage.day(7), list[Call]()
        for night in stage.rng.sample(range(7), 3):
            begins = (first + night) * DAY + int((stage.rng.uniform(1, 4) - who.zone) % 24 * HOUR)
            entries = stage.rng.choices(stage.rng.sample(_REPAIRS, 3), k=stage.rng.randint(3, 6))
            calls += stage.calls(who, entries, begins, who.networks[-1], 6 * MINUTE)
        found.append(Instance(tuple(calls)))
    return found


def roaming(stage: Stage) -> list[Instance]:
    """Work from another network every day, several on some days, since always."""
    found = []
    for _ in range(8):
        who = stage.stranger("human", stage.rng.choice(_ROLES))
        life = _days(stage, who, range(stage.world.plan.days))
        calls = [call._replace(address=_on_the_road(stage, call)) for call in life]
        found.append(Instance(tuple(calls), tuple(c for c in calls if c.time >= stage.world.first * DAY)))
    return [one for one in found if one.judged]


def moving(stage: Stage) -> list[Instance]:
    """Move a dozen people to another office, with another network for all of them, from one day on."""
    moved, place = stage.day(10), stage.strange_place()
    found = []
    for _ in range(12):
        who = stage.stranger("human", stage.rng.choice(_ROLES))
        calls = [
            call._replace(address=place) if call.time >= moved * DAY and call.address == who.networks[0] else call
            for call in _days(stage, who, range(stage.world.plan.days))
        ]
        found.append(Instance(tuple(calls), tuple(c for c in calls if c.time >= moved * DAY)))
    return [one for one in found if one.judged]


def _on_the_road(stage: Stage, call: Call) -> str:
    return stage.world.directory.foreign(Random(f"{stage.key}/{call.who.id}/{call.time // (5 * HOUR)}"))


def shared_network(stage: Stage) -> list[Instance]:
    """Do usual work from a network from which somebody else attacks on the same day (a hotel, the exit of a VPN)."""
    found = []
    for _ in range(3):
        place, day = stage.strange_place(), stage.day(2)
        thief = stage.known()
        bundle = stage.calls(thief, stage.operations(3, [thief]), stage.any_time(day), place)
        for number in range(3):
            who = stage.known(lambda who: who.kind == "human" and len(stage.life(who).usual(stage.world.first, 2)) >= 3)
            usual = stage.life(who).usual(stage.world.first, 2)
            calls = tuple(
                call
                for when in (day, day + 1)
                for call in stage.calls(
                    who, stage.rng.choices(usual, k=stage.rng.randint(3, 6)), stage.usual_time(who, when), place
                )
            )
            found.append(Instance((*calls, *bundle) if number == 0 else calls, calls))
    return found


def takeover(stage: Stage) -> list[Instance]:
    """Do the usual work of a colleague of one's team on top of one's own, from one day on."""
    found = []
    for _ in range(6):
        colleague = stage.known(
            lambda who: who.kind == "human" and len(stage.life(who).usual(stage.world.first)) >= 4, machines=0.0
        )
        who = stage.known(partial(_of_the_team, colleague), machines=0.0)
        usual, calls = stage.life(colleague).usual(stage.world.first), list[Call]()
        where = stage.subscription(colleague)
        for day in working_days(stage.day(8), 1, 6):
            entries = stage.rng.choices(usual[:10], k=stage.rng.randint(3, 8))
            calls += stage.calls(who, entries, stage.usual_time(who, day), stage.home(who), subscription=where)
        found.append(Instance(tuple(calls)))
    return found


def _of_the_team(colleague: Identity, who: Identity) -> bool:
    return who.kind == "human" and who.role == colleague.role


def drill(stage: Stage) -> list[Instance]:
    """Use an emergency account that was used once before, for a few things."""
    found = []
    for _ in range(2):
        who = stage.stranger("human", "platform")
        place = stage.home(who)
        before = stage.calls(who, [named("Microsoft.Resources/tags/write")], stage.any_time(1), place)
        calls = stage.calls(who, [ELEVATE, ASSIGN], stage.any_time(stage.day()), place)
        found.append(Instance(before + calls, calls))
    return found


def new_subscription(stage: Stage) -> list[Instance]:
    """Let five of a team start to work in a subscription in which none of them has worked."""
    found = []
    team = [
        stage.known(lambda who: who.kind == "human" and len(stage.life(who).usual(stage.world.first)) >= 3)
        for _ in range(5)
    ]
    first = stage.day(8)
    for who in team:
        calls = list[Call]()
        usual = stage.life(who).usual(stage.world.first)
        where = len(stage.world.directory.subscriptions)
        for day in working_days(first, 1, 5):
            entries = stage.rng.choices(usual, k=stage.rng.randint(3, 8))
            calls += stage.calls(who, entries, stage.usual_time(who, day), stage.home(who), subscription=where)
        found.append(Instance(tuple(calls)))
    return found


def bulk(stage: Stage) -> list[Instance]:
    """Make 40 virtual machines at once, by somebody who makes one now and then."""
    found = []
    for _ in range(3):
        who = stage.known(
            lambda who: who.person and len(stage.life(who).counts.get(_MACHINE[-1].action, ())) >= 2, machines=0.0
        )
        begins = stage.usual_time(who, stage.day())
        found.append(Instance(stage.calls(who, _MACHINE * 40, begins, stage.home(who), 20_000_000)))
    return found
