"""What parsing costs, stage by stage, beside a bare JSON decoder over the same bytes in the same run.

Prints and never judges: figures of a shared machine are for comparing with one another, not with yesterday's.
"""

import json
import platform
import time
import timeit
from collections.abc import Callable
from random import Random

import msgspec
import orjson

from service.core.parsing import ActivityLogParser, Envelope

RECORDS = 30
MESSAGES = 40
IDENTITIES = 500
ROUNDS = 7


def make_messages(random: Random, *, failures: float = 0.05) -> list[bytes]:
    """Make messages of start, accept and end records of about 3 KB, the size of real ones."""
    return [
        json.dumps(
            {"records": [_record(random, number * RECORDS + place, failures) for place in range(RECORDS)]},
            separators=(",", ":"),
        ).encode()
        for number in range(MESSAGES)
    ]


def _record(random: Random, number: int, failures: float) -> dict[str, object]:
    operation, part = divmod(number, 3)
    who = operation * 7919 % IDENTITIES
    kind = f"MICROSOFT.COMPUTE/VIRTUALMACHINES/OPERATION{operation % 60}/ACTION"
    failed = part == 2 and random.random() < failures
    resource = f"/SUBSCRIPTIONS/{operation % 9:08}-0000-4000-8000-000000000000/RESOURCEGROUPS/RG-{operation % 40}"
    resource += f"/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/VM-{operation}"
    scope = resource.lower()
    return {
        "time": f"2024-05-01T08:{operation % 60:02}:{part:02}.1234567Z",
        "resourceId": resource,
        "operationName": kind,
        "category": "Administrative",
        "resultType": ("Start", "Accept", "Failure" if failed else "Success")[part],
        "resultSignature": ("Started.", "Accepted.Accepted", "Failed.Forbidden" if failed else "Succeeded.OK")[part],
        "durationMs": "17",
        "callerIpAddress": f"203.0.113.{who % 256}",
        "correlationId": f"{operation:08}-0000-4000-8000-{operation:012}",
        "identity": {
            "authorization": {
                "scope": scope,
                "action": kind.capitalize(),
                "evidence": {
                    "role": "Contributor",
                    "roleAssignmentScope": scope,
                    "roleAssignmentId": "a" * 32,
                    "roleDefinitionId": "b" * 32,
                    "principalId": f"{who:032}",
                    "principalType": "User",
                },
            },
            "claims": _claims(who, operation),
        },
        "level": "Information",
        "location": "global",
        "properties": _properties(failed, scope),
        "tenantId": "aaaaaaaa-0000-4000-8000-000000000000",
    }


def _claims(who: int, operation: int) -> dict[str, str]:
    microsoft, xmlsoap = "http://schemas.microsoft.com/", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
    return {
        "aud": "https://management.core.windows.net/",
        "iss": "https://sts.windows.net/aaaaaaaa-0000-4000-8000-000000000000/",
        "iat": str(1714550000 + operation),
        "nbf": str(1714550000 + operation),
        "exp": str(1714553900 + operation),
        microsoft + "claims/authnclassreference": "1",
        "aio": "A" * 64,
        microsoft + "claims/authnmethodsreferences": "pwd,mfa",
        "appid": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
        "appidacr": "2",
        xmlsoap + "surname": "Family",
        xmlsoap + "givenname": "Given",
        microsoft + "identity/claims/identityprovider": "https://sts.windows.net/aaaaaaaa-0000-4000-8000-000000000000/",
        "ipaddr": f"203.0.113.{who % 256}",
        "name": f"Given Family {who}",
        microsoft + "identity/claims/objectidentifier": f"{who:08}-0000-4000-8000-000000000000",
        "puid": f"1003{who:012}",
        "rh": "0." + "B" * 60,
        microsoft + "identity/claims/scope": "user_impersonation",
        xmlsoap + "nameidentifier": "C" * 43,
        microsoft + "identity/claims/tenantid": "aaaaaaaa-0000-4000-8000-000000000000",
        xmlsoap + "name": f"user{who}@contoso.com",
        xmlsoap + "upn": f"user{who}@contoso.com",
        "uti": "D" * 22,
        "ver": "1.0",
        "wids": "E" * 36,
    }


def _properties(failed: bool, entity: str) -> dict[str, str]:
    properties = {
        "statusCode": "Forbidden" if failed else "OK",
        "serviceRequestId": "ffffffff-0000-4000-8000-000000000000",
        "eventCategory": "Administrative",
        "entity": entity,
        "message": "Microsoft.Compute/virtualMachines",
        "hierarchy": "aaaaaaaa-0000-4000-8000-000000000000/bbbbbbbb-0000-4000-8000-000000000000",
    }
    if failed:
        properties["statusMessage"] = json.dumps({"error": {"code": "AuthorizationFailed", "message": "x" * 200}})
    return properties


def microseconds(work: Callable[[bytes], object], messages: list[bytes], records: int) -> float:
    """Return the best of several rounds, in microseconds of processor time a record."""

    def once() -> None:
        for message in messages:
            work(message)

    once()
    return min(timeit.repeat(once, timer=time.process_time, number=1, repeat=ROUNDS)) / records * 1e6


def main() -> None:
    """Print the table."""
    messages = make_messages(Random(7))
    records = RECORDS * MESSAGES
    size = sum(map(len, messages)) / records
    decode = msgspec.json.Decoder(Envelope).decode
    parser = ActivityLogParser()
    broken = [message.replace(b'"level":"Information"', b'"level":"Infor\tmation"', 1) for message in messages]
    rows: list[tuple[str, Callable[[bytes], object], list[bytes]]] = [
        ("orjson.loads, to dictionaries", orjson.loads, messages),
        ("json.loads, to dictionaries", json.loads, messages),
        ("msgspec, the lean tree alone", decode, messages),
        ("parse, caches warm", parser.parse, messages),
        ("parse, caches cold", lambda message: ActivityLogParser().parse(message), messages),
        (
            "parse, an array (the forgiving look)",
            parser.parse,
            [message[len(b'{"records":') : -1] for message in messages],
        ),
        ("parse, one control character a message (salvage)", parser.parse, broken),
        ("orjson.loads again", orjson.loads, messages),
    ]
    print(f"Python {platform.python_version()}, {RECORDS} records a message, {size:,.0f} bytes a record\n")
    print(f"{'':50}{'µs a record':>12}{'records/s':>12}{'orjson = 1':>11}")
    costs = {name: microseconds(work, data, records) for name, work, data in rows}
    bare = min(costs["orjson.loads, to dictionaries"], costs["orjson.loads again"])
    for name, cost in costs.items():
        print(f"{name:50}{cost:12.2f}{1e6 / cost:12,.0f}{cost / bare:11.2f}")


if __name__ == "__main__":
    main()
