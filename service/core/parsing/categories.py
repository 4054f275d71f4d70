"""Whether a record is an identity's doing at all; the rest of what shares a hub is named and counted.

The activity log's own categories are Azure's list (Microsoft Learn, *Azure activity log event schema*). In the
Event Hub export an administrative record may carry its verb instead: Write, Delete, Action.

Azure Policy writes a record of its own for each effect of a policy on a request (``microsoft.authorization/policies/
audit/action`` and kin), under the name of whoever made the request. That is a property of the request, which has a
record already, and no second activity: were it one, each new policy would make everybody look unusual.
"""

import re
from enum import StrEnum


class LeftOut(StrEnum):
    """What was recognised and is not modelled; a metric label."""

    SERVICE_HEALTH = "service_health"
    RESOURCE_HEALTH = "resource_health"
    AUTOSCALE = "autoscale"
    RECOMMENDATION = "recommendation"
    ALERT = "alert"
    SECURITY = "security"  # Defender's findings: the subject of an attack, not an identity that acts
    POLICY_EVALUATION = "policy_evaluation"  # what a policy made of a request; the request is a record of its own
    POLICY = "policy"  # what else has that category, if nobody called for it
    SIGN_IN = "sign_in"
    AUDIT = "audit"
    PLATFORM = "platform"  # resource logs of single services
    UNKNOWN = "unknown"


ADMINISTRATIVE = frozenset({"Administrative", "Write", "Delete", "Action"})
"""As Azure spells them; any other spelling goes through `category_of`."""

_OURS = {"administrative": None, "write": None, "delete": None, "action": None}
_QUIET = {
    "servicehealth": LeftOut.SERVICE_HEALTH,
    "resourcehealth": LeftOut.RESOURCE_HEALTH,
    "autoscale": LeftOut.AUTOSCALE,
    "autoscaleevaluations": LeftOut.PLATFORM,
    "recommendation": LeftOut.RECOMMENDATION,
    "alert": LeftOut.ALERT,
    "security": LeftOut.SECURITY,
}
_EVALUATION = re.compile(r"microsoft\.authorization/policies/[^/]+/action|'\w+' policy action\.?", re.IGNORECASE)
_AUDIT = {"auditlogs", "provisioninglogs", "riskyusers", "userriskevents", "riskyserviceprincipals"}
_AUDIT |= {"serviceprincipalriskevents", "microsoftgraphactivitylogs", "networkaccesstrafficlogs"}


def is_evaluation(operation: str) -> bool:
    """Whether an operation is what a policy made of another one.

    >>> is_evaluation("MICROSOFT.AUTHORIZATION/POLICIES/DENY/ACTION")
    True
    >>> is_evaluation("Microsoft.Authorization/policyAssignments/write")
    False
    """
    return _EVALUATION.fullmatch(operation.strip()) is not None


def category_of(
    event_category: str | None, category: str | None, operation: str | None, resource: str | None
) -> LeftOut | None:
    """Return what the record is, or None if an identity may have done it.

    `properties.eventCategory` is the real category where both are present. Of the category Policy, what writes or
    deletes comes back as POLICY (whether there is a caller is for the caller of this function to see), the rest as
    an evaluation, whatever it is called.
    """
    operation = (operation or "").strip()
    if is_evaluation(operation):
        return LeftOut.POLICY_EVALUATION
    for word in (event_category, category):
        folded = (word or "").replace(" ", "").lower()
        if folded in _OURS:
            return None
        if folded == "policy":
            return policy(operation)
        if folded in _QUIET:
            return _QUIET[folded]
    folded = (category or "").replace(" ", "").lower()
    return _of_another_log(folded, resource) if folded or _of_directory(resource) else _uncategorised(operation)


def policy(operation: str) -> LeftOut:
    """Return what an operation of the category Policy is: an evaluation, unless it writes, deletes or is not known."""
    administration = "/" not in operation or operation.lower().endswith(("/write", "/delete"))
    return LeftOut.POLICY if administration else LeftOut.POLICY_EVALUATION


def _of_another_log(category: str, resource: str | None) -> LeftOut:
    if category.endswith(("signinlogs", "signin")):
        return LeftOut.SIGN_IN
    if category in _AUDIT or _of_directory(resource):
        return LeftOut.AUDIT
    return LeftOut.PLATFORM if resource else LeftOut.UNKNOWN


def _of_directory(resource: str | None) -> bool:
    return "/providers/microsoft.aadiam" in (resource or "").lower()


def _uncategorised(operation: str) -> LeftOut | None:
    return None if "/" in operation else LeftOut.UNKNOWN
