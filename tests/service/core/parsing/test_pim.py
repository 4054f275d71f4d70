"""Records of Privileged Identity Management: who acts stands in their properties."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from models.stream.events import Actor, ActorKind
from service.core.parsing.parser import ActivityLogParser
from tests.service.core.parsing.samples import (
    ANN,
    CORRELATION,
    SUBSCRIPTION,
    TENANT,
    application,
    human,
    message,
    record,
)

Json = Any
PERSON = {"UPN": "Ann@Contoso.com", "ObjectID": ANN, "Username": "Ann O'Brien", "ObjectClass": "User"}
PIM = {"UPN": "", "ObjectID": ANN, "Username": "AzureADPIM", "Name": "AzureADPIM", "ObjectClass": "User"}


def pairs(caller: dict[str, str], kind: str = "CallerIdentityType", value: str = "CallerIdentityValue") -> Json:
    return [{kind: name, value: held} for name, held in caller.items()]


def recased(caller: dict[str, str], casing: Callable[[str], str]) -> Json:
    names = {casing(name): held for name, held in caller.items()}
    return pairs(names, casing("CallerIdentityType"), casing("CallerIdentityValue"))


SPELLINGS: dict[str, Callable[[dict[str, str]], Json]] = {
    "text": lambda caller: json.dumps(pairs(caller)),
    "list": pairs,
    "lower": lambda caller: recased(caller, str.lower),
    "upper": lambda caller: json.dumps(recased(caller, str.upper)),
    "object": dict,
    "text of an object": json.dumps,
    "texts": lambda caller: [json.dumps(pair) for pair in pairs(caller)],
}


def activation(caller: Json, properties: dict[str, Json] | None = None, **changes: Json) -> dict[str, Json]:
    return {
        "time": "2024-05-01T08:00:00.1234567Z",
        "resourceId": f"/SUBSCRIPTIONS/{SUBSCRIPTION.upper()}",
        "operationName": "Add member to role requested (PIM activation)",
        "category": "Administrative",
        "resultType": "Succeeded",
        "correlationId": CORRELATION,
        "properties": {"TenantID": TENANT, "EventName": "CreateRequestRoleActivation", "CallerInfo": caller}
        if properties is None
        else properties,
        **changes,
    }


def actor(body: dict[str, Json]) -> Actor:
    (event,) = ActivityLogParser().parse(message(body)).events
    return event.actor


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_who_asks_for_a_role_is_in_the_caller_info_however_it_is_spelt(spelling: str) -> None:
    assert actor(activation(SPELLINGS[spelling](PERSON))) == actor(record(human()))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_pim_does_by_itself_is_first_party(spelling: str) -> None:
    assert actor(activation(SPELLINGS[spelling](PIM))) == Actor(f"{TENANT}/{ANN}", "azureadpim", ActorKind.FIRST_PARTY)


@pytest.mark.parametrize("casing", [str.lower, str.upper])
def test_properties_in_another_casing_or_as_text_are_read(casing: Callable[[str], str]) -> None:
    usual = activation(SPELLINGS["text"](PERSON))
    spelt = {casing(key): held for key, held in usual["properties"].items()}

    assert actor({**usual, "properties": spelt}) == actor(usual)
    assert actor({**usual, "properties": json.dumps(spelt)}) == actor(usual)


def test_an_application_that_asks_for_a_role_is_a_service_principal() -> None:
    asks = {"ObjectID": ANN, "Name": "deployer", "ObjectClass": "ServicePrincipal"}

    assert actor(activation(pairs(asks))).kind is ActorKind.SERVICE_PRINCIPAL


def test_the_token_is_believed_before_the_caller_info() -> None:
    with_claims = activation(pairs(PIM), identity={"claims": application()})

    assert actor(with_claims) == actor(record(application()))


@pytest.mark.parametrize(
    "caller", [None, "", "[]", "not JSON", [{}], [{"CallerIdentityType": "UPN"}], 7, "[1, 2]", "{"]
)
def test_a_caller_info_that_says_nothing_is_nobody(caller: Json) -> None:
    assert actor(activation(caller)) == Actor(f"{TENANT}/unattributed", "unattributed", ActorKind.UNKNOWN)
