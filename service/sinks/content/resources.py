"""What the id of a resource says to people: a name, and what kind of thing it is; and of several, how many of what.

An id says much before it says that, so on a card the name stands first and the id below. All is clean text.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from service.core.alerting import Alert
from service.sinks.content.wording import clean, words_of

_NAME, _KIND = 80, 60  # bytes
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SAMPLED = 3
"""How many resources of a finding are known at the most."""


class Touched(NamedTuple):
    """The first few things that something was done to, their kind if it is one, and how many more are known."""

    names: tuple[str, ...] = ()
    kind: str = ""
    more: int = 0

    @property
    def rest(self) -> str:
        """What is said after the names.

        >>> Touched(("a", "b"), "vaults", 7).rest, Touched(("a",), "vaults").rest, Touched(("a", "b"), "", 7).rest
        (' and 7 more (vaults)', ' (vaults)', ' and 7 more')
        """
        more = f" and {self.more:,} more" if self.more else ""
        return f"{more} ({self.kind})" if self.kind else more


class Resource(NamedTuple):
    """What people call a resource, and in words the kind of thing it is, which may be empty."""

    name: str
    kind: str


def resource_of(resource: str) -> Resource:
    """Return what an id says: its last segment, or of what is only known by a GUID, the thing it belongs to.

    >>> resource_of("/subscriptions/1/resourceGroups/prod/providers/Microsoft.Compute/virtualMachines/web-1")
    Resource(name='web-1', kind='virtual machines')
    >>> resource_of(
    ...     "/subscriptions/1/resourceGroups/prod/providers/Microsoft.Authorization/roleAssignments/"
    ...     "0b1f6471-1bf0-4dda-aec3-111122223333"
    ... )
    Resource(name='prod', kind='resource groups')
    >>> resource_of("something else")
    Resource(name='something else', kind='')
    """
    parts = [part for part in resource[-2_000:].split("/") if part]
    if len(parts) > 4 and _GUID.fullmatch(parts[-1]) and parts[-4].casefold() == "providers":
        # An assignment, a lock, a setting: what has it is what people know.
        parts = parts[:-4]
    kind = clean(words_of(parts[-2]), _KIND) if len(parts) > 1 else ""
    return Resource(clean(parts[-1] if parts else resource, _NAME) or "unnamed", kind)


def resources_of(alert: Alert) -> list[str]:
    """Return the ids of what the findings of an alert are known to have touched, each once, in their order."""
    found: dict[str, str] = {}
    for finding in alert.findings:
        for one in finding.resources:
            if one.strip():
                found.setdefault(one.casefold(), one)
    return list(found.values())


def touched(alert: Alert) -> str:
    """Return on how many things of what kind something was done, if they are several; else nothing.

    Of a finding three are known at the most: what may be more is said to be.
    """
    known = [resource_of(one) for one in resources_of(alert)]
    if len(known) < 2:
        return ""
    kinds = {one.kind for one in known}
    what = kinds.pop() if len(kinds) == 1 else ""
    unknown = alert.omitted or any(
        len(one.resources) >= _SAMPLED and one.attempts > len(one.resources) for one in alert.findings
    )
    return f"{'at least ' if unknown else ''}{len(known):,} {what or 'resources'}"


def listed_resources(resources: Sequence[str], most: int) -> Touched:
    """Return up to `most` of them by name; what has the same name and kind stands once.

    >>> listed_resources(["/subscriptions/1/vaults/a", "/subscriptions/2/vaults/A", "/subscriptions/1/vaults/b"], 1)
    Touched(names=('a',), kind='vaults', more=1)
    """
    found: dict[tuple[str, str], Resource] = {}
    for one in map(resource_of, resources):
        found.setdefault((one.name.casefold(), one.kind.casefold()), one)
    kinds = {one.kind for one in found.values()}
    names = tuple(one.name for one in found.values())
    return Touched(names[:most], kinds.pop() if len(kinds) == 1 else "", max(0, len(names) - most))
