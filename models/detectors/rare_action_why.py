"""Puts a rare action's numbers into words: one sentence of why, and one of what would have made it ordinary.

Words only; every number comes from the detector's evidence.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from models.statistics import Habit, Rarity, surprise
from models.stream import ActorBucket, Cell, Json

DEFAULT_THRESHOLD = 61.0  # one in 275 user-days; one to two false alerts a day in a thousand identities
BUCKETS_A_DAY = 4.0
SAID = (
    ("network", 0.0, "it came from a network new to this identity"),
    ("hour", 0.3, "at an hour at which it is seldom active"),
    ("scope", 0.0, "in a subscription new to it"),
    ("sensitivity", 0.0, "the operation is a sensitive one"),
    ("evidence", 0.3, "other odd things happened around it"),
    ("company", 0.0, "though amid things that it has done before"),
    ("outcome", 0.0, "and it failed"),
)


def sentence(facts: Mapping[str, Any]) -> str:
    """Say in one sentence why a cell is unusual.

    >>> sentence({"days_known": 0, "identities": 9, "identities_with_action": 0, "usual": [],
    ...           "probability": {"times": 0.0}, "terms": {"action": 4.0, "outcome": 1.0}})
    'First seen now; none of 9 known identities ever did it; and it failed.'
    """
    days, times, terms = facts["days_known"], facts["probability"]["times"], facts["terms"]
    if not days:
        parts = ["First seen now"]
    elif times < 0.01:
        parts = [f"Never in its {days} active {_plural('day', days)}"]
    else:
        parts = [f"Only about {times:.1f} times in its {days} active {_plural('day', days)}"]
    having, known = facts["identities_with_action"], facts["identities"]
    parts.append(
        f"{having} of {known} known identities ever did it"
        if having
        else f"none of {known} known identities ever did it"
    )
    if facts["usual"]:
        parts.append("usually it does " + ", ".join(_short(action) for action in facts["usual"]))
    parts += [said for name, least, said in SAID if abs(terms.get(name, 0.0)) > least]
    return "; ".join(parts) + "."


def counterfactual(
    rarity: Rarity,
    seen: ActorBucket,
    cell: Cell,
    habit: Habit,
    session: Collection[str],
    others: int,
    imagined: Callable[[float], float],
) -> Json:
    """Say what would have kept this cell below the usual threshold, as far as habit and peers go.

    `imagined` returns the score that the cell would have if the surprise of its action were another.
    """
    kind, hours = str(seen.actor.kind), seen.bucket.hours
    known = rarity.likelihood(habit, cell.action, kind, hours, session, extra=others)
    options = []
    for peers in (1, 2, 3, 5, 10):
        joined = rarity.likelihood(habit, cell.action, kind, hours, session, extra=others + peers)
        if imagined(surprise(joined.probability)) < DEFAULT_THRESHOLD:
            options.append(f"if {peers} more {_plural('identity', peers)} of its kind had done it")
            break
    buckets = habit.buckets + rarity.concentration
    for days in (1, 2, 3, 5, 10):
        own = max(0.0, days - rarity.discount) / (buckets + BUCKETS_A_DAY * days)
        if imagined(surprise(own + known.novelty * known.base)) < DEFAULT_THRESHOLD:
            options.append(f"after doing it on {days} more {_plural('day', days)}")
            break
    return f"Would be ordinary {' or '.join(options)}." if options else "No single change would make it ordinary."


def _plural(word: str, number: float) -> str:
    if number == 1:
        return word
    return word[:-1] + "ies" if word.endswith("y") and word != "day" else word + "s"


def _short(action: str) -> str:
    return "/".join(action.split("/")[-2:])
