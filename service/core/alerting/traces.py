"""What in an anomaly may tie its identity to others: strange networks, what it touched, whom it let in, its age.

All is read from the cell and from what detectors say in their evidence; no detector is known by its name.
"""

from collections.abc import Iterator
from typing import NamedTuple

from models.detectors import Anomaly
from models.statistics import network
from models.stream import ActorKind
from service.core.alerting.families import family

FRESH = 2
"""Active days up to which an identity's activity may be its first."""
_OPENS = frozenset({"roles", "ways back in"})
_APPLICATIONS = frozenset({ActorKind.MANAGED_IDENTITY, ActorKind.SERVICE_PRINCIPAL})


class Grant(NamedTuple):
    """What lets somebody in: on which scope, and as whom, if that is known; both case-folded."""

    scope: str
    name: str


def days_known(anomaly: Anomaly) -> float | None:
    """Return on how many days an identity was active before; None if nothing says so."""
    days = anomaly.evidence.get("days_known")
    return float(days) if isinstance(days, int | float) else None


def is_fresh(anomaly: Anomaly) -> bool:
    """Whether the identity has only just begun: that is what a detector of arrivals says, or its age."""
    days = days_known(anomaly)
    return "arrivals" in anomaly.evidence if days is None else days <= FRESH


def strange_networks(anomaly: Anomaly) -> tuple[str, ...]:
    """Return the networks of a cell that are new to its identity; none if that is not what makes it unusual."""
    terms = anomaly.evidence.get("terms")
    if not isinstance(terms, dict) or "network" not in terms:
        return ()
    said, known = anomaly.evidence.get("network"), anomaly.evidence.get("networks_known")
    if isinstance(said, dict):
        found = said.get("new") or said.get("of")
        return tuple(sorted(map(str, found))) if isinstance(found, list) else ()
    usual = set(map(str, known)) if isinstance(known, list) else set()
    return tuple(sorted({network(address) for address in anomaly.cell.addresses} - usual))


def targets(anomaly: Anomaly) -> Iterator[str]:
    """Yield the resources that are in evidence, case-folded, of what did not only fail.

    Whole groups and subscriptions are nobody's target, and many knock at a door that is closed.
    """
    if anomaly.in_vain:
        return
    for resource in {event.resource.casefold() for event in anomaly.cell.sample}:
        if "/providers/" in resource and resource.startswith("/subscriptions/"):
            yield resource


def grants(anomaly: Anomaly) -> Iterator[Grant]:
    """Yield what an operation that gives somebody a role, or a way in, opens."""
    if family(anomaly.cell.action) not in _OPENS or anomaly.in_vain:
        return
    for resource in {event.resource.casefold() for event in anomaly.cell.sample}:
        scope = resource.partition("/providers/microsoft.authorization/")[0]
        _, _, rest = resource.partition("/userassignedidentities/")
        if rest:
            yield Grant("", rest.partition("/")[0])
        elif scope.startswith("/subscriptions/"):
            yield Grant(scope, "")


def lets_in(grant: Grant, anomaly: Anomaly) -> bool:
    """Whether `anomaly` may be what a grant was for: somebody's first activity in its scope, or of whom it names."""
    if grant.name:
        return anomaly.actor.kind in _APPLICATIONS and anomaly.actor.name.casefold() == grant.name
    within = (event.resource.casefold() for event in anomaly.cell.sample)
    return is_fresh(anomaly) and any(resource.startswith(f"{grant.scope}/") for resource in within)
