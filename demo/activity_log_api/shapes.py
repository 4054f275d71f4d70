"""Turns a record as the Event Hub carries it into the shape in which the REST API, and so ``az``, gives it.

Source of the shape: Microsoft Learn, *Activity Logs - List* (api-version 2015-04-01), `EventData`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

Record = Mapping[str, Any]

_EVENTS = UUID("6f1f8c1e-0b0e-4a3e-9d4e-0d8a7f3f9b11")
_STATUS = {"Start": "Started", "Accept": "Accepted", "Success": "Succeeded", "Failure": "Failed"}
_TICKS_AT_EPOCH = 621_355_968_000_000_000  # .NET counts 100 ns from the year 1


def subscription_of(record: Record) -> str:
    """Return the id of the subscription that a record belongs to, lower case; empty if it names none.

    >>> subscription_of({"resourceId": "/SUBSCRIPTIONS/AB-1/RESOURCEGROUPS/RG"})
    'ab-1'
    """
    parts = str(record.get("resourceId", "")).lower().split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else ""


def rest_record(record: Record) -> dict[str, Any]:
    """Return the same record as the REST API gives it; what that API does not carry is left out.

    >>> shown = rest_record({"time": "2026-03-01T10:00:00Z", "operationName": "A/B/WRITE", "resultType": "Start",
    ...                      "resourceId": "/SUBSCRIPTIONS/S/X", "correlationId": "c",
    ...                      "identity": {"authorization": {"action": "A/b/write"}, "claims": {"appid": "x"}}})
    >>> shown["operationName"]["value"], shown["status"]["value"], shown["claims"]
    ('A/b/write', 'Started', {'appid': 'x'})
    """
    identity = record.get("identity") or {}
    authorization, claims = dict(identity.get("authorization") or {}), dict(identity.get("claims") or {})
    action = str(authorization.get("action") or record.get("operationName", ""))
    time, resource = str(record["time"]), str(authorization.get("scope") or record.get("resourceId", ""))
    result = str(record.get("resultType", ""))
    event = str(uuid5(_EVENTS, "|".join((time, str(record.get("correlationId", "")), action, result, resource))))
    parts = resource.split("/")
    ticks = _TICKS_AT_EPOCH + int(datetime.fromisoformat(time).timestamp() * 10_000_000)
    caller = next((claims[name] for name in claims if name.endswith("/upn")), claims.get("appid", ""))
    signature = str(record.get("resultSignature", "")).partition(".")[2]
    return {
        "authorization": {key: value for key, value in authorization.items() if key in {"action", "scope", "evidence"}},
        "caller": caller,
        "channels": "Operation",
        "claims": claims,
        "correlationId": record.get("correlationId", ""),
        "description": "",
        "eventDataId": event,
        "eventName": _named("BeginRequest" if result == "Start" else "EndRequest"),
        "category": _named(str(record.get("category", "Administrative"))),
        "httpRequest": {"clientIpAddress": record.get("callerIpAddress", ""), "method": "POST"},
        "id": f"{resource}/events/{event}/ticks/{ticks}",
        "level": "Informational",
        "resourceGroupName": parts[4] if len(parts) > 4 else "",
        "resourceId": resource,
        "operationId": record.get("correlationId", ""),
        "operationName": _named(action),
        "properties": dict(record.get("properties") or {}),
        "status": _named(_STATUS.get(result, result)),
        "subStatus": _named(signature if result == "Failure" else ""),
        "eventTimestamp": time,
        "submissionTimestamp": time,
        "subscriptionId": subscription_of(record),
        "tenantId": record.get("tenantId", ""),
    }


def _named(value: str) -> dict[str, str]:
    return {"value": value, "localizedValue": value}
