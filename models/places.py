"""Where an identity acts from and in: source networks and scopes, a few of each, and how surprising a new one is.

Geography needs a database and is not known here.
"""

from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from models.decay import surprise

REMEMBERED = 8  # per identity: home, office, proxies of the cloud shell; the longest unused goes first
MOST_SURPRISING = 2.5


@lru_cache(maxsize=65_536)
def network(address: str) -> str:
    """Return the /24 of an IPv4 address, the /48 of an IPv6 one, as short text; the text itself if it is neither.

    >>> network("203.0.113.7"), network("2001:db8:1:2::9")
    ('203.0.113', '2001:db8:1')
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return address.rpartition(".")[0]
    groups = parsed.exploded.split(":")[:3]
    return ":".join(group.lstrip("0") or "0" for group in groups)


class Places(NamedTuple):
    """Places known of one identity, the most recently used last, and how often it has come up with a new one.

    >>> known = NOWHERE.visited(("a",)).visited(("b",)).visited(("a",))
    >>> known.names, known.moves
    (('b', 'a'), 2)
    """

    names: tuple[str, ...] = ()
    moves: int = 0

    def visited(self, places: tuple[str, ...]) -> "Places":
        """Return what is known after a bucket with these places."""
        if places and self.names[-1:] == places:
            return self
        new = [place for place in places if place not in self.names]
        names = [name for name in self.names if name not in places]
        return Places((*names, *places)[-REMEMBERED:], self.moves + len(new))

    def surprise(self, places: tuple[str, ...], buckets: int) -> float:
        """Return how surprising these places are, 0 to 2.5, for an identity with that many active buckets.

        The chance of a new place is (moves + 1) / (active buckets + 2): of an identity that is always somewhere
        else, a new place tells nothing. An identity of which no place is known surprises nobody.
        """
        if not self.names or all(place in self.names for place in places):
            return 0.0
        return min(MOST_SURPRISING, surprise((self.moves + 1.0) / (buckets + 2.0)))


NOWHERE = Places()
