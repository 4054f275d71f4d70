"""Whether a record is an identity's doing at all; the rest of what shares a hub is named and counted.

The activity log's own categories are Azure's list (Microsoft Learn, *Azure activity log event schema*). In the
Event Hub export an administrative record may carry its verb instead: Write, Delete, Action.
"""

from enum import StrEnum


class LeftOut(StrEnum):
    """What was recognised and is not modelled; a metric label."""

    SERVICE_HEALTH = "service_health"
    RESOURCE_HEALTH = "resource_health"
    AUTOSCALE = "autoscale"
    RECOMMENDATION = "recommendation"
    ALERT = "alert"
    SECURITY = "security"  # Defender's findings: the subject of an attack, not an identity that acts
    POLICY = "policy"  # evaluations that nobody called for; those with a caller are events
    SIGN_IN = "sign_in"
    AUDIT = "audit"
    PLATFORM = "platform"  # resource logs of single services
    UNKNOWN = "unknown"


ADMINISTRATIVE = frozenset({"Administrative", "Write", "Delete", "Action"})
"""As Azure spells them; any other spelling goes through `classify`."""

_OURS = {"administrative": None, "write": None, "delete": None, "action": None}
_QUIET = {
    "servicehealth": LeftOut.SERVICE_HEALTH,
    "resourcehealth": LeftOut.RESOURCE_HEALTH,
    "autoscale": LeftOut.AUTOSCALE,
    "autoscaleevaluations": LeftOut.PLATFORM,
    "recommendation": LeftOut.RECOMMENDATION,
    "alert": LeftOut.ALERT,
    "security": LeftOut.SECURITY,
    "policy": LeftOut.POLICY,
}
_AUDIT = {"auditlogs", "provisioninglogs", "riskyusers", "userriskevents", "riskyserviceprincipals"}
_AUDIT |= {"serviceprincipalriskevents", "microsoftgraphactivitylogs", "networkaccesstrafficlogs"}


def classify(
    event_category: str | None, category: str | None, operation: str | None, resource: str | None
) -> LeftOut | None:
    """Return what the record is, or None if an identity may have done it.

    `properties.eventCategory` is the real category where both are present. Policy comes back as POLICY: whether there
    is a caller is for the caller of this function to see.
    """
    for word in (event_category, category):
        folded = (word or "").replace(" ", "").lower()
        if folded in _OURS:
            return None
        if folded in _QUIET:
            return _QUIET[folded]
    folded = (category or "").replace(" ", "").lower()
    if folded.endswith(("signinlogs", "signin")):
        return LeftOut.SIGN_IN
    if folded in _AUDIT or "/providers/microsoft.aadiam" in (resource or "").lower():
        return LeftOut.AUDIT
    if folded:
        return LeftOut.PLATFORM if resource else LeftOut.UNKNOWN
    return None if "/" in (operation or "") else LeftOut.UNKNOWN
