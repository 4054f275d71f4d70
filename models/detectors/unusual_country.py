"""Unusual country: an identity acts from a country from which it does not act, and few others do the same.

Why it matters: people move slowly, servers not at all, stolen tokens at once. How it
is judged stands in `unusual_location`; without a geographic database it has nothing to say, and is off.
"""

from typing import ClassVar

from models.detectors.contract import Card, Declaration
from models.detectors.examples import ELSEWHERE, OFFICE, TEAM, Example, daily
from models.detectors.unusual_location import LOCATION_EVIDENCE, TERMS, UnusualLocation
from models.statistics import Place

_PLACES = {OFFICE: Place("DE", "Germany", "Berlin"), ELSEWHERE: Place("AU", "Australia", "Sydney")}

CARD = Card(
    name="unusual_country",
    title="Action from a country unusual for this identity",
    what="An identity performed operations from a country in which it has not been seen, and few others do that.",
    why="A stolen token or secret is mostly used from another country than its owner's, because that is where the "
    "thief is, or the machine that the thief has rented.",
    false_positives=(
        "A journey, a new provider or a VPN with another exit.",
        "An application that moved to another region.",
        "An address that the geographic database puts into the wrong country.",
    ),
    response=(
        "Is the way from its last place possible in the time between? Look at its sign-ins from both.",
        "Whose is the address: a telephone company's, a cloud's, an anonymiser's?",
        "Ask the owner through another channel than mail or chat whether they are there.",
        "If not: revoke sessions, rotate secrets, and read everything that was done from there.",
    ),
    mitre=("TA0001/T1078.004", "TA0006/T1528", "TA0005/T1550.001"),
)
DECLARATION = Declaration(
    card=CARD,
    threshold=60.0,
    terms=TERMS,
    evidence=LOCATION_EVIDENCE,
    places="country",
    speaks=Example(
        "People at work in Germany; the account of one of them works in Australia an hour later.",
        before=daily(range(60), *TEAM),
        then=daily([59], "ann", hour=10.0, source=ELSEWHERE),
        says="It acted from Australia, a country new to it (it is known from DE;",
        places=_PLACES,
    ),
    silent=Example(
        "People at work in Germany; one of them is on a long journey, and works from where it leads.",
        before=[*daily(range(60), *TEAM), *daily(range(50, 60), "ann", hour=10.0, source=ELSEWHERE)],
        then=daily([60], "ann", hour=10.0, source=ELSEWHERE),
        places=_PLACES,
    ),
)


class UnusualCountry(UnusualLocation):
    """Takes the country for a place; parameters are those of `UnusualLocation`."""

    declaration: ClassVar[Declaration] = DECLARATION

    def key(self, place: Place) -> str:
        """Return the code of the country."""
        return place.country
