"""Where verdicts are handed in: what the console has to know of it, and no more."""

from typing import NamedTuple, Protocol

from service.core.alerting import Alert
from service.core.verdicts import Verdict, VerdictKind


class HandedIn(NamedTuple):
    """What somebody has found an alert to be, not kept yet.

    Attributes
    ----------
    after
        Id of the verdict that they saw on it, empty if they saw none; None if they do not say.
    """

    alert: Alert
    kind: VerdictKind
    why: str
    for_kind: bool
    by: str
    after: str | None = None


class VerdictDesk(Protocol):
    """Keeps verdicts durably, and knows those that were given."""

    def of(self, alert: str) -> Verdict | None:
        """Return the verdict on an alert that counts; None if there is none."""
        ...

    async def give(self, handed_in: HandedIn) -> Verdict:
        """Keep a verdict.

        Raises
        ------
        ValueError
            Something about it makes no sense, or no more verdicts are kept.
        OSError
            It cannot be kept.
        """
        ...
