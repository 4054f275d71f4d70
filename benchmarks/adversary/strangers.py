"""Attackers with identities that nobody has seen before, or with more than one."""

from benchmarks.adversary.operations import ASSIGN, ELEVATE, WANTED
from benchmarks.adversary.stage import Attack, Stage
from demo.tenant import DAY, HOUR, MINUTE, Call


def never_seen(stage: Stage, kind: str, count: int) -> Attack:
    """Do sensitive things under a fresh identity: a person at 02:00, anything else at any time, from a new network."""
    day = stage.day()
    role = {"human": "developer", "guest": "developer", "service_principal": "scanner"}.get(kind, "machine")
    who = stage.stranger(kind, role, day)
    begins = day * DAY + int((2.0 - who.zone) % 24 * HOUR) if kind == "human" else stage.any_time(day)
    wanted = [ASSIGN] if kind == "guest" else stage.rng.sample(WANTED, count)
    place = stage.strange_place() if who.person else stage.home(who)
    return Attack(stage.calls(who, wanted, begins, place))


def elevates(stage: Stage) -> Attack:
    """Elevate the access of a person whom nobody has seen before."""
    day = stage.day()
    who = stage.stranger("human", "developer", day)
    return Attack(stage.calls(who, [ELEVATE], stage.any_time(day), stage.strange_place()))


def accomplices(stage: Stage, count: int, kind: str) -> Attack:
    """Let fresh identities do it on the day before, so that the victim is one of many."""
    who = stage.known()
    day = stage.day(2)
    wanted = stage.operations(3, [who])
    lead: tuple[Call, ...] = ()
    for _ in range(count):
        fresh = stage.stranger(kind, "developer" if kind == "human" else "scanner", day)
        lead += stage.calls(fresh, wanted, stage.any_time(day), stage.home(fresh), subscription=stage.subscription(who))
    payload = stage.calls(who, wanted, stage.usual_time(who, day + 1), stage.home(who))
    return Attack(lead + payload, payload)


def several_victims(stage: Stage, *, home: bool) -> Attack:
    """Share the steps among three victims: from the home of each at its usual hour, or one by one from elsewhere."""
    whos = [stage.known(machines=0.0) for _ in range(3)]
    day, place = stage.day(), stage.strange_place()
    begins = stage.usual_time(whos[0], day)
    steps: tuple[Call, ...] = ()
    for number, (who, entry) in enumerate(zip(whos, stage.operations(3, whos), strict=True)):
        if home:
            steps += stage.calls(who, [entry], stage.usual_time(who, day), stage.home(who))
        else:
            steps += stage.calls(who, [entry], begins + number * 4 * MINUTE, place)
    return Attack(steps)
