"""Attackers who do what the victim does, only more, or elsewhere; and those who blind whoever watches."""

from benchmarks.adversary.operations import BLINDING
from benchmarks.adversary.stage import Attack, Stage
from demo.tenant import MINUTE, Identity, Operation

ADMINISTRATORS = frozenset({"platform", "security", "network", "data"})


def _habit(stage: Stage, who: Identity, ending: str, days: int, most: float) -> list[Operation]:
    """Return what somebody does now and then, never much a day."""
    life = stage.life(who)
    return [
        entry
        for entry in life.usual(stage.world.first, days)
        if entry.action.endswith(ending) and max(life.counts[entry.action].values()) <= most
    ]


def _habitual(stage: Stage, ending: str, days: int, most: float) -> tuple[Identity, Operation]:
    who = stage.known(lambda who: bool(_habit(stage, who, ending, days, most)), machines=0.2)
    return who, stage.rng.choice(_habit(stage, who, ending, days, most))


def deletions(stage: Stage, count: int) -> Attack:
    """Delete so much in 50 minutes, by somebody who deletes the like now and then, from home at its usual hour."""
    who, entry = _habitual(stage, "/delete", 2, 6)
    begins = stage.usual_time(who, stage.day())
    return Attack(stage.calls(who, [entry] * count, begins, stage.home(who), 50 * MINUTE / count))


def listings(stage: Stage, count: int) -> Attack:
    """List so many keys in 40 minutes, by somebody who lists one on most days."""
    who, entry = _habitual(stage, "listkeys/action", 4, 4)
    begins = stage.usual_time(who, stage.day())
    return Attack(stage.calls(who, [entry] * count, begins, stage.home(who), 40 * MINUTE / count))


def elsewhere(stage: Stage, count: int) -> Attack:
    """Delete a dozen things in a subscription in which the victim never worked."""
    who, entry = _habitual(stage, "/delete", 2, 6)
    known = {*stage.life(who).subscriptions, *who.subscriptions}
    other = stage.rng.choice([n for n in range(len(stage.world.directory.subscriptions)) if n not in known])
    begins = stage.usual_time(who, stage.day())
    return Attack(stage.calls(who, [entry] * count, begins, stage.home(who), MINUTE, subscription=other))


def blinding(stage: Stage, what: str) -> Attack:
    """Delete what the export lives on amid the ordinary work of an administrator."""
    entry = BLINDING[what]

    def fit(who: Identity) -> bool:
        life = stage.life(who)
        return (
            who.kind == "human"
            and who.role in ADMINISTRATORS
            and entry.action not in life.operations
            and len(life.usual(stage.world.first, 2)) >= 3
        )

    who = stage.known(fit, machines=0.0)
    usual = stage.life(who).usual(stage.world.first, 2)[:3]
    made = stage.calls(who, [*usual[:2], entry, *usual[2:]], stage.usual_time(who, stage.day()), stage.home(who))
    return Attack(tuple(c for c in made if c.what == entry), cover=tuple(c for c in made if c.what != entry))
