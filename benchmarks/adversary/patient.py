"""Attackers with patience: a step every few days, lessons first, floods of harmless novelty, the same day after day."""

from benchmarks.adversary.operations import HARMLESS
from benchmarks.adversary.stage import Attack, Stage, working_days
from demo.tenant import DAY, HOUR, Call, Operation, operation

FLOOD_DAYS = 14
POISONED_DAYS = 14


def drip(stage: Stage, every: int, *, then_bundle: bool = False) -> Attack:
    """Do one new thing every so many working days from home; then, perhaps, all of them from elsewhere."""
    who = stage.known()
    count = 4 if then_bundle else 3
    days = working_days(stage.day((count - 1) * every * 7 // 5 + 3), every, count)
    wanted, place = stage.operations(3, [who]), stage.home(who)
    steps: tuple[Call, ...] = ()
    for day, entry in zip(days[:3], wanted, strict=True):
        steps += stage.calls(who, [entry], stage.usual_time(who, day), place)
    if not then_bundle:
        return Attack(steps)
    payload = stage.calls(who, wanted, stage.any_time(days[3]), stage.strange_place())
    return Attack(steps + payload, payload)


def teach(stage: Stage, *, home: bool) -> Attack:
    """Be refused on four days, then do it."""
    who = stage.known()
    days = working_days(stage.day(9), 1, 5)
    wanted = stage.operations(3, [who])
    place = stage.home(who) if home else stage.strange_place()
    steps: tuple[Call, ...] = ()
    for day in days[:4]:
        steps += stage.calls(who, wanted, stage.usual_time(who, day), place, failure="Forbidden")
    payload = stage.calls(who, wanted, stage.usual_time(who, days[4]), place)
    return Attack(steps + payload, payload)


def flood(stage: Stage, a_day: int) -> Attack:
    """Do so many new harmless things a day for two weeks, then what it is all for."""
    who = stage.known(machines=0.0)
    first = stage.day(FLOOD_DAYS + 4)
    known, place = stage.life(who).operations, stage.home(who)
    real = [entry for entry in HARMLESS if entry.action not in known]
    stage.rng.shuffle(real)
    lead: tuple[Call, ...] = ()
    for day in range(first, first + FLOOD_DAYS):
        entries = [real.pop() if real and stage.rng.random() < 0.5 else _made_up(stage) for _ in range(a_day)]
        begins = day * DAY + int((8.5 - who.zone) % 24 * HOUR)
        lead += stage.calls(who, entries, begins, place, 9 * HOUR / a_day)
    day = working_days(first + FLOOD_DAYS, 1, 1)[0]
    payload = stage.calls(who, stage.operations(3, [who]), stage.usual_time(who, day), place)
    return Attack(lead + payload, payload)


def _made_up(stage: Stage) -> Operation:
    return operation(f"Microsoft.CustomProviders/resourceProviders/{stage.rng.getrandbits(32):08x}/write")


def poisoning(stage: Stage, *, home: bool) -> Attack:
    """Do the same three new things every day; what counts in the end is the second week."""
    who = stage.known()
    first = stage.day(POISONED_DAYS)
    wanted = stage.operations(3, [who])
    place = stage.home(who) if home else stage.strange_place()
    days = [stage.calls(who, wanted, stage.usual_time(who, day), place) for day in range(first, first + POISONED_DAYS)]
    later = tuple(call for calls in days[7:] for call in calls)
    return Attack(tuple(call for calls in days for call in calls), later)
