"""Unusual city: an identity acts from a city from which it does not act, and few others do the same.

Why it matters: within a country, too, a stolen token is used from elsewhere. How it
is judged stands in `unusual_location`; without a geographic database it has nothing to say, and is off.
"""

from typing import ClassVar

from models.detectors.contract import Card, Declaration
from models.detectors.examples import ELSEWHERE, OFFICE, TEAM, Example, daily
from models.detectors.unusual_location import LOCATION_EVIDENCE, TERMS, UnusualLocation
from models.statistics import Place

_PLACES = {OFFICE: Place("DE", "Germany", "Berlin"), ELSEWHERE: Place("DE", "Germany", "Munich")}

CARD = Card(
    name="unusual_city",
    title="Action from a city unusual for this identity",
    what="An identity performed operations from a city in which it has not been seen, and few others do that.",
    why="Whoever steals a token may sit, or rent a machine, in the same country as its owner; seldom in the same city.",
    false_positives=(
        "A journey, or working from another place than usual.",
        "A telephone company that moves its customers between the cities of its exits.",
        "An address that the geographic database puts elsewhere since its last update.",
    ),
    response=(
        "Is the way from its last place possible in the time between? Look at its sign-ins from both.",
        "Has the owner's provider just given them another exit? Then colleagues with that provider moved, too.",
        "Ask the owner through another channel than mail or chat whether they are there.",
        "If not: revoke sessions, rotate secrets, and read everything that was done from there.",
    ),
    mitre=("TA0001/T1078.004", "TA0006/T1528", "TA0005/T1550.001"),
)
DECLARATION = Declaration(
    card=CARD,
    threshold=59.5,
    terms=TERMS,
    evidence=LOCATION_EVIDENCE,
    places="city",
    speaks=Example(
        "People at work in Berlin; the account of one of them works in Munich an hour later.",
        before=daily(range(60), *TEAM),
        then=daily([59], "ann", hour=10.0, source=ELSEWHERE),
        says="It acted from Munich, Germany, a city new to it (it is known from Berlin;",
        places=_PLACES,
    ),
    silent=Example(
        "People at work in Berlin; one of them has been in Munich for ten days, and works from there.",
        before=[*daily(range(60), *TEAM), *daily(range(50, 60), "ann", hour=10.0, source=ELSEWHERE)],
        then=daily([60], "ann", hour=10.0, source=ELSEWHERE),
        places=_PLACES,
    ),
)


class UnusualCity(UnusualLocation):
    """Takes the city for a place; parameters are those of `UnusualLocation`."""

    declaration: ClassVar[Declaration] = DECLARATION

    def key(self, place: Place) -> str:
        """Return the country and the city; empty where the city is not known."""
        return f"{place.country}/{place.city}" if place.city else ""
