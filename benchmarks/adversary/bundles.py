"""Attackers who do all of it at once: alone, amid the victim's everyday work, from anywhere or from its own network."""

from collections import Counter

from benchmarks.adversary.operations import WANTED
from benchmarks.adversary.stage import Attack, Stage
from demo.tenant import MINUTE, Identity


def from_elsewhere(stage: Stage) -> Attack:
    """Do three new things from a strange network, at any hour."""
    who = stage.known()
    return Attack(stage.calls(who, stage.operations(3, [who]), stage.any_time(stage.day()), stage.strange_place()))


def from_home(stage: Stage) -> Attack:
    """Do three new things from the victim's own network at its usual hour."""
    who = stage.known()
    begins = stage.usual_time(who, stage.day())
    return Attack(stage.calls(who, stage.operations(3, [who]), begins, stage.home(who)))


def of_one_service(stage: Stage) -> Attack:
    """Do three new things of one service from the victim's own network at its usual hour, as a project would."""
    who = stage.known()
    begins = stage.usual_time(who, stage.day())
    known = stage.life(who).operations
    new = [entry for entry in WANTED if entry.action not in known]
    services = [service for service, number in Counter(entry.service for entry in new).items() if number >= 3]
    service = stage.rng.choice(services)
    wanted = stage.operations(3, [who], [entry for entry in new if entry.service == service])
    return Attack(stage.calls(who, wanted, begins, stage.home(who)))


def amid(stage: Stage, everyday: int, *, home: bool) -> Attack:
    """Do three new things amid so many everyday actions of the victim, all from one network within the hour."""
    day = stage.day()

    def works(who: Identity) -> bool:
        return len(stage.life(who).usual(stage.world.first, 2)) >= min(everyday, 4)

    who = stage.known(works)
    usual = stage.life(who).usual(stage.world.first, 2)[:everyday]
    usual = (usual * everyday)[:everyday]
    wanted = stage.operations(3, [who])
    order = [*usual[: everyday // 2], *wanted, *usual[everyday // 2 :]]
    place = stage.home(who) if home else stage.strange_place()
    begins = stage.usual_time(who, day)
    begins -= begins % (60 * MINUTE) - 4 * MINUTE  # within one hour of the clock
    made = stage.calls(who, order, begins, place, 2 * MINUTE)
    steps = tuple(call for call in made if call.what in wanted)
    return Attack(steps, cover=tuple(call for call in made if call.what not in wanted))
