"""An entry of the watch list: whom, what or which resource somebody wants to be told of every time, and why.

Where entries come from is left to the service; what is made of a match, to the detector `watch_list`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from models.stream import Actor, Cell, fits_pattern, names_of


class Watched(NamedTuple):
    """One entry; what is empty restricts nothing, of what is given one each must fit, and something is given.

    Attributes
    ----------
    reason
        For whoever is told.
    identities
        ``tenant/object-id``, object ids, or names, whatever the case.
    operations
        Patterns: ``*`` for anything, ``?`` for one character, whatever the case.
    resources
        Ids of resources, which mean all that is in them as well; or such patterns.
    """

    reason: str
    identities: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()

    def fits(self, actor: Actor, cell: Cell) -> bool:
        """Whether it is about that: of a cell's resources, about any that its sample names.

        >>> from models.detectors.examples import MONDAY
        >>> from models.stream import ActorKind
        >>> ann, cell = Actor("t/1", "Ann", ActorKind.HUMAN), Cell("sql/servers/delete", "", MONDAY, 1, 1, 0, 0)
        >>> Watched("why", ("ann",), ("Sql/*/delete",)).fits(ann, cell), Watched("why", ("ben",)).fits(ann, cell)
        (True, False)
        """
        return (
            (not self.identities or not names_of(actor).isdisjoint(one.casefold() for one in self.identities))
            and (not self.operations or any(fits_pattern(one, cell.action) for one in self.operations))
            and (not self.resources or self._among(event.resource for event in cell.sample))
        )

    def _among(self, resources: Iterable[str]) -> bool:
        known = {resource.casefold().rstrip("/") for resource in resources if resource}
        return any(_is_or_is_in(resource, wanted) for resource in known for wanted in self.resources)


def _is_or_is_in(resource: str, wanted: str) -> bool:
    """Whether a case-folded id is the wanted one or within it, or fits it if that is a pattern.

    >>> _is_or_is_in("/subscriptions/1/x", "/Subscriptions/1"), _is_or_is_in("/subscriptions/12", "/subscriptions/1")
    (True, False)
    """
    if "*" in wanted or "?" in wanted:
        return fits_pattern(wanted, resource)
    return f"{resource}/".startswith(f"{wanted.casefold().rstrip('/')}/")
