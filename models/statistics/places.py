"""Where an identity acts from and in: source networks and scopes, a few of each and whether one is new.

How surprising that is, is left to `novelty`; geography needs a database and is not known here.
"""

from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address
from sys import intern
from typing import Any, NamedTuple

from models.stream import Json, fields

REMEMBERED = 8  # per identity: home, office, proxies of the cloud shell; the longest unused goes first


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
    """Places known of one identity, those used last at the end, and in how many buckets it came up with a new one.

    >>> known = NOWHERE.visited(("a",)).visited(("b",)).visited(("a",))
    >>> known.names, known.moves
    (('b', 'a'), 2)
    """

    names: tuple[str, ...] = ()
    moves: int = 0

    def visited(self, places: Collection[str]) -> "Places":
        """Return what is known after a bucket with these places."""
        known, moves = self
        new = False
        for place in places:
            if place not in known:
                new = True
        if not places or (not new and known[-1] in places):
            return self
        others = [name for name in known if name not in places]
        return shared((*others, *sorted(set(places)))[-REMEMBERED:], moves + new)

    def new(self, places: Collection[str]) -> bool:
        """Return whether any of these places is new, to an identity of which some place is known.

        >>> NOWHERE.new(("a",)), NOWHERE.visited(("a",)).new(("b", "a"))
        (False, True)
        """
        return bool(self.names) and any(place not in self.names for place in places)

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {"names": list[Json](self.names), "moves": self.moves}

    @classmethod
    def from_row(cls, row: Any) -> "Places":
        """Restore what `row` gave; names and places shared by many identities are kept once."""
        names, moves = fields("places", row, "names", "moves")
        return shared(tuple(map(intern, names)), int(moves)) if moves else NOWHERE


NOWHERE = Places()


@lru_cache(maxsize=4_096)
def shared(names: tuple[str, ...], moves: int) -> Places:
    """Return these places: the very same object for all who know the same, as those do who work in one subscription."""
    return Places(names, moves)
