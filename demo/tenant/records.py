"""What Azure makes of a call: Start, Accept and Success or Failure records, as the diagnostic settings write them.

Knows the wire's habits (two casings, two generations of categories, durations as numbers and as text, 7-digit times,
ports behind addresses) and nothing of who calls what.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

from demo.tenant.calls import Call
from demo.tenant.catalogue import Operation
from demo.tenant.identities import Directory, Identity, guid

Record = dict[str, Any]

_MESSAGES = {
    "Forbidden": ("AuthorizationFailed", "The client does not have authorization to perform action over scope."),
    "RequestDisallowedByPolicy": ("RequestDisallowedByPolicy", "Resource was disallowed by policy."),
    "Conflict": ("AnotherOperationInProgress", "Another operation is being performed on the resource."),
    "BadRequest": ("InvalidParameter", "The value of a parameter is invalid."),
    "NotFound": ("ResourceNotFound", "The resource was not found."),
    "PreconditionFailed": ("PreconditionFailed", "The condition specified in the ETag is not satisfied."),
    "TooManyRequests": ("OperationNotAllowed", "The request was throttled."),
    "ServiceUnavailable": ("ServiceUnavailable", "The service is currently unavailable."),
    "InternalServerError": ("InternalServerError", "The server encountered an internal error."),
}


class Draft(NamedTuple):
    """One record to be: what happened (`call`), which of the operation's records it is, and when.

    `stage` is ``Start``, ``Accept``, ``Success``, ``Failure`` or ``Deny`` (the record of the policy that refused);
    `duration` is in milliseconds since the first record.
    """

    call: Call
    stage: str
    time: int
    correlation: str
    number: int
    duration: int


class Recorder:
    """Turns calls into drafts, and drafts into records.

    Parameters
    ----------
    start
        The tenant's first moment.
    directory
        Gives the ids.
    rng
        Durations, correlation ids, and which operations skip their Start.
    """

    def __init__(self, start: datetime, directory: Directory, rng: Random) -> None:
        self._start = start
        self._directory = directory
        self._rng = rng
        self._minutes: dict[int, str] = {}
        tenant = directory.tenant_id
        self._subscriptions = (*directory.subscriptions, directory.spare)
        # Settings made years ago still export the old categories; both generations shout, in different places.
        self._old = [i % 3 == 2 for i in range(len(self._subscriptions))]
        self._loud = [i % 2 == 0 for i in range(len(self._subscriptions))]
        self._hierarchy = [f"{tenant}/{subscription}" for subscription in self._subscriptions]

    def drafts(self, call: Call, rng: Random | None = None) -> list[Draft]:
        """Say which records one call leaves, drawn from `rng` if it is not to change what others leave."""
        rng = rng or self._rng
        correlation, number = guid(rng), rng.randrange(40)
        end = "Failure" if call.failure else "Success"
        lot = rng.random()
        # Some resource providers write the end only, and so do most refusals before anything began.
        if lot < (0.25 if call.failure == "Forbidden" else 0.05):
            return [Draft(call, end, call.time, correlation, number, 0)]
        drafts = [Draft(call, "Start", call.time, correlation, number, 0)]
        duration = 40 + int(rng.expovariate(1 / 900))
        if call.what.long_running and not call.failure and lot < 0.95:
            drafts.append(Draft(call, "Accept", call.time + duration * 1000, correlation, number, duration))
            duration += int(rng.expovariate(1 / 45_000))
        if call.failure == "RequestDisallowedByPolicy":
            drafts.append(Draft(call, "Deny", call.time + duration * 500, correlation, number, 0))
        drafts.append(Draft(call, end, call.time + duration * 1000, correlation, number, duration))
        return drafts

    def clock(self, time: int) -> str:
        """Write microseconds since the start as the wire does, with seven fractional digits."""
        minute, rest = divmod(time, 60_000_000)
        prefix = self._minutes.get(minute)
        if prefix is None:
            if len(self._minutes) > 4096:
                self._minutes.clear()
            prefix = self._minutes[minute] = (self._start + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:")
        second, micro = divmod(rest, 1_000_000)
        return f"{prefix}{second:02d}.{micro:06d}{time * 7 % 10}Z"

    def render(self, draft: Draft) -> Record:
        """Write the record of a draft."""
        call, stage, time, correlation, number, duration = draft
        _, who, what, failure, index, group, address = call
        old, loud = self._old[index], self._loud[index]
        resource = _path(what, self._subscriptions[index], group) % number
        category = "Administrative"
        if stage == "Deny":
            what, category, stage = _DENY, "Policy", "Failure"
        if old and category != "Policy":
            category = _old_category(what.action)
        if number == 7:
            address = f"{address}:{49152 + duration % 16000}" if ":" not in address else f"[{address}]:50123"
        signature, code = _ending(stage, failure)
        properties: Record = {
            "eventCategory": "Policy" if category == "Policy" else "Administrative",
            "entity": resource,
            "message": what.name,
            "hierarchy": self._hierarchy[index],
        }
        if code:
            properties["statusCode"] = code
        if stage == "Failure":
            error, message = _MESSAGES[failure]
            properties["statusMessage"] = f'{{"error":{{"code":"{error}","message":"{message}"}}}}'
        record: Record = {
            "time": self.clock(time),
            "resourceId": resource.upper() if loud else resource,
            "operationName": what.name.upper() if loud or number < 16 else what.name,
            "category": category,
            "resultType": stage,
            "resultSignature": signature,
            "durationMs": duration if old else str(duration),
            "callerIpAddress": address,
            "correlationId": correlation,
            "identity": {
                "authorization": {"scope": resource, "action": what.name, "evidence": _evidence(who)},
                "claims": who.claims,
            },
            "level": "Error" if stage == "Failure" else "Information",
        }
        if old:
            record["location"] = "global"
            if not code:
                return record
        else:
            record["tenantId"] = self._directory.tenant_id
            record["releaseVersion"] = "6.2026.1.1"
        record["properties"] = properties
        return record


_DENY = Operation(
    "Microsoft.Authorization/policies/deny/action", "microsoft.authorization/policies/deny/action",
    "microsoft.authorization", 0.0, False,
)  # fmt: skip


@lru_cache(maxsize=4096)
def _evidence(who: Identity) -> Record:
    plain = who.id.rsplit("/", 1)[1].replace("-", "")
    return {
        "role": "Contributor",
        "roleAssignmentScope": "/providers/Microsoft.Management/managementGroups/root",
        "roleAssignmentId": plain[::-1],
        "roleDefinitionId": "b24988ac618042a0ab8820f7382dd24c",
        "principalId": plain,
        "principalType": who.principal_type,
    }


def _ending(stage: str, failure: str) -> tuple[str, str]:
    """Name a record's resultSignature and statusCode."""
    if stage == "Failure":
        code = "Forbidden" if failure == "RequestDisallowedByPolicy" else failure
        return f"Failed.{code}", code
    return {"Start": ("Started.", ""), "Accept": ("Accepted.Accepted", "Accepted")}.get(stage, ("Succeeded.OK", "OK"))


def _old_category(action: str) -> str:
    return {"write": "Write", "delete": "Delete"}.get(action.rsplit("/", 1)[1], "Action")


@lru_cache(maxsize=65536)
def _path(what: Operation, subscription: str, group: str) -> str:
    """Write a resource id with one ``%d`` for the resource's number."""
    provider, *types = what.name.split("/")
    if what.action == "microsoft.authorization/elevateaccess/action":
        return "/providers/Microsoft.Authorization/elevateAccess%.0d"
    base = f"/subscriptions/{subscription}/resourceGroups/{group}"
    if what.action.startswith("microsoft.resources/subscriptions/resourcegroups/"):
        return base + "%.0d"
    types = types[: -2 if types[-1] == "action" else -1] or ["operations"]
    names = [f"{kind}/{kind[:4].lower()}-{i}" for i, kind in enumerate(types)]
    return f"{base}/providers/{provider}/{'/'.join(names)}-%d"
