"""The ordinary operations of some thirty Azure resource providers, and how popular each is, out of `operations.txt`.

Who uses what is the business of `roles`.
"""

from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

_OPERATIONS = Path(__file__).with_name("operations.txt")
_LONG_RUNNING = (
    "virtualmachine", "managedclusters", "servers/databases", "deployments", "privateendpoints", "gateways", "firewall",
    "flexibleservers", "disks", "snapshots", "networkinterfaces", "publicip", "containerapps", "managedinstances",
    "sqlpools", "computes", "resourcegroups", "redis", "databaseaccounts/write", "hostpools", "protecteditems",
    "storageaccounts/write", "virtualnetworks", "loadbalancers", "vaults/write", "clusters", "networksecuritygroups",
    "sites/write", "serverfarms", "workspaces/write", "namespaces/write", "registries/write", "service/",
)  # fmt: skip


class Operation(NamedTuple):
    """One entry of the catalogue.

    Attributes
    ----------
    name
        As Microsoft writes it, for example ``Microsoft.Compute/virtualMachines/write``.
    action
        The same, case-folded.
    service
        The resource provider, case-folded.
    weight
        How popular it is within its service, by Zipf's law over the order of the catalogue.
    long_running
        Whether Azure answers 202 first, so that an Accept record stands between Start and the end.
    """

    name: str
    action: str
    service: str
    weight: float
    long_running: bool


def operation(name: str, weight: float = 0.01) -> Operation:
    """Describe an operation that need not be in the catalogue.

    >>> operation("Microsoft.Compute/disks/write").long_running
    True
    """
    action = name.casefold()
    # Reads of secrets and switches of state answer at once; what builds or destroys takes its time.
    builds = action.endswith(("/write", "/delete", "deallocate/action", "start/action"))
    long_running = builds and any(word in action for word in _LONG_RUNNING)
    return Operation(name, action, action.split("/", 1)[0], weight, long_running)


def _read(lines: Iterable[str]) -> dict[str, tuple[Operation, ...]]:
    """Read the catalogue: how popular an operation is follows from where it stands.

    >>> read = _read(["# two of them", "Microsoft.Web", "    sites write restart"])
    >>> [(one.name, round(one.weight, 2)) for one in read["microsoft.web"]]
    [('Microsoft.Web/sites/write', 1.0), ('Microsoft.Web/sites/restart/action', 0.62)]
    """
    services: dict[str, dict[str, Operation]] = {}
    provider, row = "", 0
    for line in lines:
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            provider, row = line.strip(), 0
            continue
        resource_type, *verbs = line.split()
        found = services.setdefault(provider.casefold(), {})
        for column, verb in enumerate(verbs):
            tail = verb if verb in {"write", "delete", "action"} else f"{verb}/action"
            entry = operation(f"{provider}/{resource_type}/{tail}", (1 + row) ** -0.8 * (1 + column) ** -0.7)
            found.setdefault(entry.action, entry)
        row += 1
    return {service: tuple(found.values()) for service, found in services.items()}


SERVICES: dict[str, tuple[Operation, ...]] = _read(_OPERATIONS.read_text(encoding="utf-8").splitlines())
"""Every service's operations, keyed by the case-folded provider."""

BY_ACTION: dict[str, Operation] = {entry.action: entry for entries in SERVICES.values() for entry in entries}
"""The whole catalogue by case-folded operation name."""

POPULARITY: dict[str, list[float]] = {
    service: list(accumulate(entry.weight for entry in entries)) for service, entries in SERVICES.items()
}
"""Running sums of each service's weights, as `random.choices` wants them."""


def named(name: str) -> Operation:
    """Return the catalogue's entry for `name`, or one of its own making if ordinary work never does it."""
    return BY_ACTION.get(name.casefold()) or operation(name)
