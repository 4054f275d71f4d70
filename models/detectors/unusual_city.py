"""Unusual city: an identity acts from a city from which it does not act, and few others do the same.

Why it matters: within a country, too, a stolen token is used from elsewhere. How it
is judged stands in `unusual_place`; without a geographic database it has nothing to say, and is off.
"""

from models.detectors.contract import Card
from models.detectors.unusual_location import UnusualLocation
from models.statistics import Place

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


class UnusualCity(UnusualLocation):
    """Takes the city for a place; parameters are those of `UnusualLocation`."""

    CARD = CARD
    SORT = "city"
    default_threshold = 59.5

    def key(self, place: Place) -> str:
        """Return the country and the city; empty where the city is not known."""
        return f"{place.country}/{place.city}" if place.city else ""
