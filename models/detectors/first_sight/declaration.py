"""Who the detector is: its words for people, its threshold, the names of its terms, its examples, its sentence."""

from collections.abc import Mapping
from typing import Any

from models.detectors.contract import Card, Declaration
from models.detectors.examples import ELSEWHERE, TEAM, Activity, Example, daily
from models.statistics import odds

NAME = "first_sight"
KEY_LISTING = "microsoft.storage/storageaccounts/listkeys/action"
GRANT = "microsoft.authorization/roleassignments/write"
CARD = Card(
    name=NAME,
    title="Never seen before, and at once what intruders need",
    what="An identity that nobody had seen before did on its first days what hands out secrets or rights, blinds, runs "
    "commands, exports or destroys.",
    why="Whoever has broken in makes an identity of their own, or wakes one that was never used: it has no habits that "
    "it could deviate from, and comes straight to the point.",
    false_positives=(
        "A new colleague, contractor or pipeline whose very first task is a sensitive one.",
        "A managed identity that was made for one purpose, where such are seldom made.",
        "An identity that was at work before this service was, or that was silent until it had been forgotten.",
    ),
    response=(
        "Who made the identity, when, and by which change? Look for it in the directory's audit log.",
        "Read all that it did since: it has done nothing else that it could be mixed up with.",
        "Whose is the address: the company's, a cloud's, nobody's that you know?",
        "If nobody vouches for it: disable it, undo what it granted, rotate what it read, and look for who made it.",
    ),
    mitre=("TA0003/T1136.003", "TA0003/T1098.001", "TA0001/T1078.004", "TA0006/T1552.001"),
)
DECLARATION = Declaration(
    card=CARD,
    threshold=65.0,
    terms=("first", "network", "hour", "activity", "sensitivity", "tactics", "only", "later"),
    evidence=("arrivals", "network", "hour", "activities"),
    speaks=Example(
        "People work in their office; at night, somebody whom nobody knows grants a role and reads keys elsewhere.",
        before=[*daily(range(60), *TEAM), *daily([30], "ida"), *daily([31], "ida", what=KEY_LISTING)],
        then=[Activity("zoe", action, 60, hour=2.0, source=ELSEWHERE) for action in (GRANT, KEY_LISTING)],
        says="Nobody had seen it before",
    ),
    silent=Example(
        "People work in their office, and every third day somebody new begins there and reads keys; so does the next.",
        before=[
            *daily(range(60), *TEAM),
            *(activity for day in range(0, 60, 3) for activity in daily([day], f"new{day}", what=KEY_LISTING)),
        ],
        then=daily([60], "ida", what=KEY_LISTING),
    ),
)


def why_unusual(facts: Mapping[str, Any]) -> str:
    """Say in one sentence why it is unusual.

    >>> why_unusual({"terms": {"network": 0.4, "tactics": 1.5}, "network": {"of": ["198.51.100"]},
    ...              "arrivals": {"first": 0.009, "activity": 0.015},
    ...              "activities": {"sensitive": 2, "all": 2, "later": False}})
    'Nobody had seen it before (that is so on 1 in 110 of active days of its kind), and it did at once what 1.5 % of \
those who begin do; 2 of the 2 operations of this hour are sensitive ones; it came from 198.51.100, which nobody had \
used.'
    """
    arrivals, activities = facts["arrivals"], facts["activities"]
    begins = f"that is so on {odds(arrivals['first'])} of active days of its kind"
    when = "on its first days" if activities["later"] else "at once"
    seen = "Nobody had seen it until lately" if activities["later"] else "Nobody had seen it before"
    count, of = activities["sensitive"], activities["all"]
    listed = (
        f"{count} of the {of} operations of this hour {'is a sensitive one' if count == 1 else 'are sensitive ones'}"
    )
    parts = [
        f"{seen} ({begins}), and it did {when} what {odds(arrivals['activity'])} of those who begin do",
        "the only operation of this hour is a sensitive one" if of == 1 else listed,
    ]
    if "network" in facts["terms"]:
        parts.append(f"it came from {', '.join(facts['network']['of'][:2])}, which nobody had used")
    return "; ".join(parts) + "."
