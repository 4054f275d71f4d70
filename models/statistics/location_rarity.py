"""Where on earth an identity acts from, and how unusual a place is for what is done there.

Places come from outside: a pure function from an address to a `Place`. What an identity itself is used to is kept by
`unusual_location`; here is what everybody does.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple
from zlib import crc32

from river.base.anomaly_detector import AnomalyDetector
from river.base.typing import FeatureName

from models.statistics.backoff import Backoff
from models.statistics.decay import surprise
from models.statistics.lessons import ByName, by_name
from models.statistics.novelty import NoveltyRate
from models.statistics.weights import lightest
from models.stream import Json, Part, fields

_BITS = 64  # of a count of distinct identities: exact enough up to some hundred
EARTH_RADIUS = 6_371.0  # kilometres


class Place(NamedTuple):
    """A place as a geographic database knows it.

    Attributes
    ----------
    country, country_name
        ISO 3166-1 code, and what people call it.
    city
        Name; empty if it is not known.
    latitude, longitude
        In degrees; None if they are not known.
    """

    country: str
    country_name: str = ""
    city: str = ""
    latitude: float | None = None
    longitude: float | None = None

    @property
    def label(self) -> str:
        """What to call it in a sentence.

        >>> Place("DE", "Germany", "Berlin").label, Place("DE").label
        ('Berlin, Germany', 'DE')
        """
        return ", ".join(part for part in (self.city, self.country_name or self.country) if part)


Locate = Callable[[str], Place | None]
"""From an address to its place; None for private and unknown ones. Must be pure: answers are kept."""


def nowhere(address: str) -> Place | None:
    """Know no place at all, as without a database."""
    return None


def kilometres(one: Place, other: Place) -> float | None:
    """Return the distance of two places along a great circle, None if either is not known well enough.

    >>> round(kilometres(Place("DE", latitude=52.5, longitude=13.4), Place("US", latitude=40.7, longitude=-74.0)))
    6386
    """
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return None
    first, second = math.radians(one.latitude), math.radians(other.latitude)
    along = math.radians(other.longitude - one.longitude)
    haversine = math.sin((second - first) / 2) ** 2 + math.cos(first) * math.cos(second) * math.sin(along / 2) ** 2
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(haversine)))


@lru_cache(maxsize=65_536)
def bit_of(identity: str) -> int:
    """Return the bit that stands for an identity in a count of distinct ones, the same in every process."""
    # Multiplied, because the checksums of names that differ in little differ in a pattern.
    return 1 << (crc32(identity.encode("utf-8", "surrogatepass")) * 0x9E3779B1 >> 26) % _BITS


def distinct(bits: int) -> float:
    """Return about how many identities have set these bits: linear counting [1]_.

    References
    ----------
    .. [1] Whang, Vander-Zanden, Taylor (1990). A linear-time probabilistic counting algorithm for database
           applications. ACM Transactions on Database Systems.

    Examples
    --------
    >>> round(distinct(0b1011), 1), 200 < distinct((1 << 64) - 1) < 400
    (3.0, True)
    """
    return -_BITS * math.log((_BITS + 0.5 - bits.bit_count()) / (_BITS + 0.5))


class Chance(NamedTuple):
    """How likely a place is for an action, and the numbers that this comes from.

    Attributes
    ----------
    probability
        For this action.
    anybody
        For whatever anybody of that kind does.
    here, everywhere
        About how many identities have done the action at that place, and at all places together.
    places
        How many places the action has been done at.
    """

    probability: float
    anybody: float
    here: float
    everywhere: float
    places: int


class LocationRarity(AnomalyDetector):
    r"""Predictive probability of a place, given an action and a kind of identity.

    .. math:: p(place | a) = \frac{\max(c - d, 0) + (\theta + d K) \, p(place)}{N + \theta}

    with c distinct identities that have done the action there, N the sum of that over its K places, and p(place) of
    `Backoff` over the places that identities have ever been at: kind, then tenant, then country.

    Parameters
    ----------
    discount
        d, in [0, 1).
    concentration
        Theta, > 0.
    half_life
        Hours after which a move counts half (`NoveltyRate`).
    max_actions, max_places
        Actions remembered, and places of each; beyond it the least used quarter is dropped.

    Attributes
    ----------
    evicted
        Actions and places dropped so far.

    Examples
    --------
    Everybody writes from Germany; grants come from Ireland, too:

    >>> model = LocationRarity()
    >>> for person in range(20):
    ...     model.learn_one({"actor": f"p{person}", "action": "web/write", "place": "DE"})
    ...     model.learn_one({"actor": f"p{person}", "action": "roles/write", "place": "IE" if person % 4 else "DE"})
    >>> for place in ("DE", "IE", "KP"):
    ...     print(place, round(model.score_one({"action": "web/write", "place": place}), 1))
    DE 0.0
    IE 1.6
    KP 5.8
    """

    def __init__(
        self,
        discount: float = 0.5,
        concentration: float = 1.0,
        half_life: float = 1440.0,
        max_actions: int = 20_000,
        max_places: int = 256,
    ) -> None:
        self.discount = discount
        self.concentration = concentration
        self.half_life = half_life
        self.max_actions = max_actions
        self.max_places = max_places
        self.evicted = 0
        self.backoff = Backoff(discount, concentration, floor=1e-5)
        self.novelty = NoveltyRate(half_life=half_life)
        self._actions: dict[str, dict[str, int]] = {}

    def learn_one(self, x: dict[FeatureName, Any]) -> None:
        """Learn that ``x["actor"]``, of ``x["kind"]``, did ``x["action"]`` at ``x["place"]``."""
        actor, action, place = str(x.get("actor", "")), str(x.get("action", "")), str(x.get("place", ""))
        marks = by_name()
        if not self._actions.get(action, {}).get(place, 0) & bit_of(actor):
            self.backoff.adopt(place, str(x.get("kind", "unknown")))
        self.note(actor, action, place, marks)
        self.teach(marks)

    def score_one(self, x: dict[FeatureName, Any]) -> float:
        """Return the surprise of ``x["place"]``, for ``x["action"]`` by somebody of ``x["kind"]``."""
        known = self.chance(str(x.get("place", "")), str(x.get("action", "")), str(x.get("kind", "unknown")))
        return surprise(known.probability)

    @staticmethod
    def note(actor: str, action: str, place: str, marks: ByName) -> None:
        """Put into `marks` that an identity has done an action at a place."""
        marks[action][place] |= bit_of(actor)

    def teach(self, marks: Mapping[str, Mapping[str, int]]) -> None:
        """Apply who has done which action where, in the order of actions and places; what is known changes nothing."""
        for action in sorted(marks):
            places = self._actions.get(action)
            if places is None:
                if len(self._actions) >= self.max_actions:
                    used = {name: sum(map(int.bit_count, known.values())) for name, known in self._actions.items()}
                    self._drop(self._actions, used)
                places = self._actions[intern(action)] = {}
            for place in sorted(marks[action]):
                bits = places.get(place)
                if bits is None:
                    if len(places) >= self.max_places:
                        self._drop(places, {name: one.bit_count() for name, one in places.items()})
                    bits = 0
                places[intern(place)] = bits | marks[action][place]

    def chance(self, place: str, action: str, kind: str, extra: int = 0) -> Chance:
        """Return how likely a place is; `extra` identities are imagined to have done the action there."""
        anybody = self.backoff.probability(place, kind, extra=extra)
        known: Mapping[str, int] = self._actions.get(action, {})
        here = (distinct(known[place]) if place in known else 0.0) + extra
        everywhere = sum(map(distinct, known.values())) + extra
        theta = self.concentration
        share = max(here - self.discount, 0.0) + (theta + self.discount * len(known)) * anybody
        return Chance(share / (everywhere + theta), anybody, here, everywhere, len(known))

    def entries(self) -> int:
        """Return about how many values are remembered."""
        return sum(map(len, self._actions.values())) + self.backoff.actions()

    def parts(self) -> dict[str, Part]:
        """Return all that it knows, by the names under which it is saved."""
        return {"backoff": self.backoff, "novelty": self.novelty, "places": self}

    def dump(self) -> Iterator[Json]:
        """Yield the number of evictions, then one row an action: by place, the bits of those who did it there."""
        yield {"evicted": self.evicted}
        for action in sorted(self._actions):
            places = self._actions[action]
            yield {"action": action, "places": {place: f"{places[place]:x}" for place in sorted(places)}}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace what is known of actions and places by what `dump` gave."""
        self._actions, self.evicted = {}, 0
        for number, row in enumerate(rows):
            if number == 0:
                (self.evicted,) = fields("places", row, "evicted")
                continue
            action, places = fields("places", row, "action", "places")
            self._actions[intern(str(action))] = {intern(str(name)): int(bits, 16) for name, bits in places.items()}

    def _drop(self, table: dict[str, Any], used: Mapping[str, int]) -> None:
        """Drop the quarter that the fewest identities have used."""
        for name in lightest(used, max(1, len(table) // 4)):
            del table[name]
            self.evicted += 1
