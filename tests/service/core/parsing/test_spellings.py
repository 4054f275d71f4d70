"""One record, one event: whichever decoder reads it, whatever its keys' casing, whatever is wrapped into what."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stream.events import ActivityEvent
from service.core.parsing.parser import ActivityLogParser
from tests.service.core.parsing.samples import (
    ANN,
    APP,
    CORRELATION,
    MICROSOFT,
    RESOURCE,
    SUBSCRIPTION,
    TENANT,
    XMLSOAP,
    application,
    dump,
    human,
    record,
    rest,
)

Json = Any
OTHER = "99999999-0000-4000-8000-000000000009"
OID, TID = {MICROSOFT + "objectidentifier": ANN}, {MICROSOFT + "tenantid": TENANT}
NO_NAME: dict[str, str | None] = {XMLSOAP + "upn": None, XMLSOAP + "name": None, "puid": None}
FAILED: dict[str, Json] = {
    "resultType": "Failure",
    "resultSignature": "Failed.Forbidden",
    "properties": {
        "statusCode": "Forbidden",
        "statusMessage": '{"error":{"code":"AuthorizationFailed","message":"the client \\"x\\" may not"}}',
        "eventCategory": "Administrative",
    },
}
CORPUS: dict[str, dict[str, Json]] = {
    "person": record(),
    "person by e-mail": record(human(**NO_NAME, **{XMLSOAP + "emailaddress": "kim@fabrikam.com"})),
    "person by short claims": record({"oid": ANN, "tid": TENANT, "appid": APP, "upn": "ann@contoso.com"}),
    "person by unique_name": record({**OID, **TID, "appid": APP, "unique_name": "ann@contoso.com"}),
    "person by preferred_username": record({**OID, **TID, "azp": APP, "preferred_username": "ann@contoso.com"}),
    "guest by idp": record(human(**{MICROSOFT + "identityprovider": None, "idp": "live.com"})),
    "guest by altsecid": record(human(altsecid="5::1")),
    "guest by upn": record(human(**{XMLSOAP + "upn": "kim_fabrikam.com#EXT#@contoso.com"})),
    "person with a bare upn": record(human(**NO_NAME | {XMLSOAP + "upn": "ann"})),
    "application": record(application()),
    "application with a service's e-mail": record(application(**{XMLSOAP + "emailaddress": "Microsoft.Advisor"})),
    "application without idtyp": record(application(idtyp=None)),
    "managed identity": record(application(xms_mirid="/subscriptions/s/x/Deployer")),
    "service": record({XMLSOAP + "emailaddress": "Microsoft.RecoveryServices"}),
    "failure": record(**FAILED),
    "failure without a code": record(**FAILED | {"properties": {}}),
    "start without an address": record(resultType="Start", resultSignature="Started.", callerIpAddress=None),
    "numbers": record(resultType=200.0, resultSignature=None),
    "no correlation": record(correlationId=None),
    "blanks": record(resourceId=f" {RESOURCE} ", correlationId=f"{CORRELATION} ", callerIpAddress=" 203.0.113.7 "),
    "a management group": record(resourceId="/providers/Microsoft.Management/managementGroups/Root"),
    "a tenant's resource": record(resourceId="/providers/Microsoft.aad", subscriptionId=SUBSCRIPTION),
    "no authorization": record(identity={"claims": human()}),
    "display name": record(operationName="Create or Update Virtual Machine"),
    "REST": rest(),
    "REST, guest": rest(claims=human(**{MICROSOFT + "identityprovider": f"https://sts.windows.net/{OTHER}/"})),
}

casings: dict[str, Callable[[str], str]] = {
    "as sent": str,
    "lower": str.lower,
    "upper": str.upper,
    "Pascal": lambda key: key[:1].upper() + key[1:],
}
wrappings: dict[str, Callable[[bytes], bytes]] = {
    "envelope": lambda body: b'{"records":[' + body + b"]}",
    "Envelope": lambda body: b'{ "Records": [' + body + b"]}",
    "bare": lambda body: body,
    "array": lambda body: b"[" + body + b"]",
    "REST list": lambda body: b'{"value":[' + body + b"]}",
    "text": lambda body: json.dumps(body.decode()).encode(),
    "packed": lambda body: gzip.compress(b'{"records":[' + body + b"]}"),
    "trailing comma": lambda body: b'{"records":[' + body[:-1] + b",},]}",
    "single quotes": lambda body: repr({"records": [json.loads(body)]}).encode(),
    "pretty": lambda body: json.dumps({"records": [json.loads(body)]}, indent=2).encode(),
    "beside a broken one": lambda body: b'{"records":[{"time": [1 B blob]},' + body + b"]}",
}
PLACES = [("identity",), ("claims",), ("identity", "claims"), ("identity", "authorization"), ("properties",)]


def recased(value: Json, casing: Callable[[str], str]) -> Json:
    if isinstance(value, dict):
        return {casing(key): recased(held, casing) for key, held in value.items()}
    return value


def as_text(members: dict[str, Json], place: tuple[str, ...]) -> dict[str, Json]:
    """Turn the object at `place`, if there is one, into JSON text."""
    first, *rest_of_place = place
    held = members.get(first)
    if not isinstance(held, dict):
        return members
    return {**members, first: as_text(held, tuple(rest_of_place)) if rest_of_place else dump(held).decode()}


def read(body: bytes) -> ActivityEvent:
    (event,) = ActivityLogParser().parse(body).events
    return event


@given(
    st.sampled_from(sorted(CORPUS)),
    st.lists(st.sampled_from(PLACES), unique=True),
    st.sampled_from(sorted(casings)),
    st.sampled_from(sorted(wrappings)),
)
def test_a_record_is_one_event_in_all_spellings(
    name: str, texts: list[tuple[str, ...]], casing: str, wrapping: str
) -> None:
    usual = read(wrappings["envelope"](dump(CORPUS[name])))
    spelt = CORPUS[name]
    for place in sorted(texts, key=len, reverse=True):
        spelt = as_text(spelt, place)

    assert read(wrappings[wrapping](dump(recased(spelt, casings[casing])))) == usual


@pytest.mark.parametrize("wrapping", wrappings)
def test_every_wrapping_gives_the_same_event(wrapping: str) -> None:
    for name, each in CORPUS.items():
        body = dump(each)
        assert read(wrappings[wrapping](body)) == read(wrappings["envelope"](body)), name


@pytest.mark.parametrize("key", [MICROSOFT + "objectidentifier", MICROSOFT + "tenantid", XMLSOAP + "upn", "appid"])
@pytest.mark.parametrize("casing", [str.upper, str.title])
def test_one_claim_in_another_casing_is_still_read(key: str, casing: Callable[[str], str]) -> None:
    claims = {casing(each) if each == key else each: value for each, value in human().items()}

    assert read(wrappings["envelope"](dump(record(claims)))) == read(wrappings["envelope"](dump(record())))


def test_what_came_before_in_another_spelling_changes_nothing() -> None:
    parser = ActivityLogParser()
    bodies = [wrap(dump(each)) for each in CORPUS.values() for wrap in wrappings.values()]

    assert [parser.parse(body).events for body in bodies] == [ActivityLogParser().parse(body).events for body in bodies]
