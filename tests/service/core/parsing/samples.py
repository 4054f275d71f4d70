"""Records as Azure writes them, with invented people and ids: the material of the parsing tests."""

import json
from typing import Any

Json = Any

TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
ANN = "bbbbbbbb-0000-4000-8000-000000000001"
APP = "cccccccc-0000-4000-8000-000000000001"
SUBSCRIPTION = "dddddddd-0000-4000-8000-000000000001"
CORRELATION = "eeeeeeee-0000-4000-8000-000000000001"
RESOURCE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm1"
MICROSOFT = "http://schemas.microsoft.com/identity/claims/"
XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


def human(**claims: str | None) -> dict[str, str]:
    """Claims of a person's token; None takes one away."""
    return _merge(
        {
            "aud": "https://management.core.windows.net/",
            "appid": APP,
            MICROSOFT + "identityprovider": f"https://sts.windows.net/{TENANT}/",
            MICROSOFT + "objectidentifier": ANN,
            MICROSOFT + "tenantid": TENANT,
            "name": "Ann O'Brien",
            "puid": "10030000A77E725E",
            XMLSOAP + "name": "ann@contoso.com",
            XMLSOAP + "upn": " Ann@Contoso.com",
        },
        claims,
    )


def application(**claims: str | None) -> dict[str, str]:
    """Claims of an application's own token."""
    return _merge(
        {
            "appid": APP,
            "idtyp": "app",
            MICROSOFT + "objectidentifier": ANN,
            MICROSOFT + "tenantid": TENANT,
        },
        claims,
    )


def _merge(base: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def record(claims: dict[str, str] | None = None, **changes: Json) -> dict[str, Json]:
    """Build one record of the Event Hub export; a change to None takes the field away."""
    whole: dict[str, Json] = {
        "time": "2024-05-01T08:00:00.1234567Z",
        "resourceId": RESOURCE.upper(),
        "operationName": "MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE",
        "category": "Administrative",
        "resultType": "Success",
        "resultSignature": "Succeeded.Created",
        "durationMs": "12",
        "callerIpAddress": "203.0.113.7",
        "correlationId": CORRELATION,
        "identity": {
            "authorization": {
                "scope": RESOURCE,
                "action": "Microsoft.Compute/virtualMachines/write",
                "evidence": {"role": "Owner", "principalId": ANN.replace("-", ""), "principalType": "User"},
            },
            "claims": human() if claims is None else claims,
        },
        "level": "Information",
        "properties": {"statusCode": "Created", "eventCategory": "Administrative", "entity": RESOURCE},
        "tenantId": TENANT,
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not None}


def rest(**changes: Json) -> dict[str, Json]:
    """Build the same record as the REST API and the portal show it."""
    whole: dict[str, Json] = {
        "authorization": {"action": "Microsoft.Compute/virtualMachines/write", "scope": RESOURCE},
        "caller": "ann@contoso.com",
        "claims": human(),
        "correlationId": CORRELATION,
        "eventDataId": "ffffffff-0000-4000-8000-000000000001",
        "eventName": {"value": "EndRequest", "localizedValue": "End request"},
        "category": {"value": "Administrative", "localizedValue": "Administrative"},
        "eventTimestamp": "2024-05-01T08:00:00.1234567Z",
        "httpRequest": {"clientIpAddress": "203.0.113.7", "method": "PUT"},
        "operationName": {
            "value": "Microsoft.Compute/virtualMachines/write",
            "localizedValue": "Create or Update Virtual Machine",
        },
        "resourceId": RESOURCE,
        "status": {"value": "Succeeded", "localizedValue": "Succeeded"},
        "subStatus": {"value": "Created", "localizedValue": "Created (HTTP Status Code: 201)"},
        "properties": {"statusCode": "Created"},
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not None}


def dump(value: Json) -> bytes:
    """Encode as Azure does: compact UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def message(*records: Json) -> bytes:
    """Wrap records into the envelope of a diagnostic setting."""
    return dump({"records": list(records)})
