"""How many imagined attacks would have been told of, by what they were: counts without names.

They live as long as the process does; a restart begins at zero, as with every counter of a metric.
"""

from collections import Counter
from enum import StrEnum
from typing import NamedTuple

from models.stream import ActorKind
from service.core.shadow.attacks import ATTACKS

VICTIM_KINDS = (ActorKind.HUMAN, ActorKind.GUEST, ActorKind.SERVICE_PRINCIPAL, ActorKind.MANAGED_IDENTITY)
"""Whose identities are imagined to be stolen; nobody steals Microsoft's own."""


class Origin(StrEnum):
    """Where an imagined attack comes from."""

    OWN_NETWORK = "own_network"  # amid what the identity does in that hour, from where it does it
    STRANGE_NETWORK = "strange_network"  # in the same hour, from an address that nobody uses
    NEW_IDENTITY = "new_identity"  # by one that nobody has seen before, from there


class Case(NamedTuple):
    """What was imagined: which attack, by an identity of which kind, from where."""

    style: str
    kind: ActorKind
    origin: Origin


class CaseCount(NamedTuple):
    """So many attacks were imagined, and so many of them would have been told of."""

    imagined: int
    alerted: int


class Recall:
    """Counts what became of imagined attacks."""

    def __init__(self) -> None:
        self._imagined: Counter[Case] = Counter()
        self._alerted: Counter[Case] = Counter()

    def count(self, case: Case, *, alerted: bool) -> None:
        """Note one."""
        self._imagined[case] += 1
        self._alerted[case] += alerted

    def by_case(self) -> dict[Case, CaseCount]:
        """Return every case there can be, those that have not been imagined yet as well."""
        cases = (Case(one.name, kind, origin) for one in ATTACKS for kind in VICTIM_KINDS for origin in Origin)
        return {case: CaseCount(self._imagined[case], self._alerted[case]) for case in cases}

    def of(self, *, style: str | None = None, kind: ActorKind | None = None, origin: Origin | None = None) -> CaseCount:
        """Return the sum over the cases of a style, a kind, an origin; of all where one is None."""
        wanted = (style, kind, origin)
        shares = [
            share
            for case, share in self.by_case().items()
            if all(want is None or want == is_ for want, is_ in zip(wanted, case, strict=True))
        ]
        return CaseCount(sum(share.imagined for share in shares), sum(share.alerted for share in shares))
