"""What a detector with one state an identity does like every other: it writes down what it knows, and reads it again.

What it knows, and how it judges with that, is up to each; a detector that keeps several tables has rows of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from typing import Generic, TypeVar

from models.statistics import IdentityState, Keyed
from models.stream import Json, Part, dump_parts, load_parts

_S = TypeVar("_S", bound=IdentityState)


class StatefulDetector(ABC, Generic[_S]):
    """Saves the states of identities in one table, and what the population knows in named parts."""

    _states: Keyed[_S]

    @abstractmethod
    def _parts(self) -> dict[str, Part]:
        """Return what the population knows, by the names under which it is saved."""

    def acquit(self, actor: str, actions: Collection[str], anomalies: Collection[str]) -> None:
        """Take nothing back: nothing is held against anybody."""

    def dump_population(self) -> Iterator[Json]:
        """Yield the rows of what the population knows."""
        return dump_parts(self._parts())

    def dump_identities(self) -> Iterator[Json]:
        """Yield counts of evictions, then one row an identity."""
        return self._states.dump()

    def load(self, population: Iterable[Json], identities: Iterable[Json]) -> None:
        """Replace everything known by what the two dumps gave."""
        load_parts(self._parts(), population)
        self._states.load(identities)
