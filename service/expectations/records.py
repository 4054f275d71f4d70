"""Activities as records of the Activity Log: what a test invents goes through the same parser as what Azure sends.

Files are read by `service.documents`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from models.detectors import DETECTORS, Example
from models.stream import ActorKind, Outcome
from service.expectations.models import Activities, Past

_TENANT = str(uuid5(NAMESPACE_URL, "unwonted:tests"))
_MICROSOFT = "http://schemas.microsoft.com/identity/claims/"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_OUTCOMES = {"success": Outcome.SUCCESS, "failure": Outcome.FAILURE, "denied": Outcome.DENIED}
_ENDS = {
    Outcome.STARTED: ("Start", "Started.", "Accepted"),
    Outcome.SUCCESS: ("Success", "Succeeded.OK", "OK"),
    Outcome.FAILURE: ("Failure", "Failed.Conflict", "Conflict"),
    Outcome.DENIED: ("Failure", "Failed.Forbidden", "Forbidden"),
}
_SATURDAY = 5


def examples(history: Iterable[Past]) -> list[Example]:
    """Return the detectors' own examples that a history names."""
    named = [one.example.partition(".") for one in history if one.example]
    declared = [(DETECTORS[name].declaration, which) for name, _, which in named]
    return [one.speaks if which == "speaks" else one.silent for one, which in declared]


def record_lines(history: Sequence[Past]) -> list[bytes]:
    """Return all that a history invents as records, one a line, oldest first."""
    shown = (one for example in examples(history) for one in (*example.before, *example.then))
    told = [_Told(one.time, one.who, one.what, one.ended, one.source, one.kind, one.scope) for one in shown]
    told += [one for past in history for activity in past.activities or () for one in _repeated(activity)]
    return [_record(one, number) for number, one in enumerate(sorted(told, key=lambda one: one.time))]


class _Told(NamedTuple):
    time: datetime
    who: str
    what: str
    ended: Outcome
    address: str
    kind: ActorKind
    scope: str


def _repeated(activity: Activities) -> Iterator[_Told]:
    for at in activity.at:
        for day in range(activity.days):
            begins = at + timedelta(days=day)
            if activity.weekdays and begins.weekday() >= _SATURDAY:
                continue
            for second in range(activity.times):
                for who in activity.identity:
                    for what in activity.operation:
                        time = begins + timedelta(seconds=second)
                        end = _OUTCOMES[activity.outcome]
                        yield _Told(time, who, what, end, activity.address, activity.kind, activity.subscription)


def _record(told: _Told, number: int) -> bytes:
    kind, signature, status = _ENDS[told.ended]
    subscription = uuid5(NAMESPACE_URL, f"unwonted:{told.scope.casefold()}")
    provider, _, rest = told.what.partition("/")
    resource = f"/subscriptions/{subscription}/resourceGroups/tests/providers/{provider}/{rest.partition('/')[0]}/one"
    return json.dumps(
        {
            "time": told.time.isoformat().replace("+00:00", "Z"),
            "resourceId": resource,
            "operationName": told.what,
            "category": "Administrative",
            "resultType": kind,
            "resultSignature": signature,
            "callerIpAddress": told.address,
            "correlationId": f"{number:032}",
            "identity": {"authorization": {"scope": resource, "action": told.what}, "claims": _claims(told)},
            "properties": {"statusCode": status, "eventCategory": "Administrative"},
            "tenantId": _TENANT,
        },
        separators=(",", ":"),
    ).encode()


def _claims(told: _Told) -> dict[str, Any]:
    claims = {_MICROSOFT + "objectidentifier": told.who, _MICROSOFT + "tenantid": _TENANT}
    if told.kind is ActorKind.HUMAN:
        return claims | {_UPN: told.who}
    if told.kind is ActorKind.MANAGED_IDENTITY:
        return claims | {"idtyp": "app", "xms_mirid": f"/providers/Microsoft.ManagedIdentity/{told.who}"}
    return claims | {"idtyp": "app", "appid": told.who}
