"""Tokens: what opens an entity, what does not, and that every refusal says why without telling the token."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.eventhub.aio import EventHubSharedKeyCredential

from demo.hub.cbs import TokenRefused, hs256_token, hs256_verifier, sas_token, split_address, verify_jwt, verify_sas

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
KEYS = {"policy": "a+key/="}
AUDIENCE = "sb://127.0.0.1:5672/Hub/consumergroups/$Default"


def test_a_signature_opens_what_it_is_for_until_it_expires() -> None:
    assert verify_sas(sas_token(AUDIENCE, "policy", "a+key/=", LATER), AUDIENCE, KEYS, NOW) == LATER


async def test_the_sdks_own_signature_is_accepted() -> None:
    token = await EventHubSharedKeyCredential("policy", "a+key/=").get_token(AUDIENCE)
    assert verify_sas(token.token, AUDIENCE, KEYS, NOW).timestamp() == token.expires_on


@pytest.mark.parametrize("resource", ["sb://127.0.0.1:5672/hub", "amqps://127.0.0.1:5672/", AUDIENCE.upper()])
def test_a_signature_for_the_whole_opens_the_part_in_any_case_and_scheme(resource: str) -> None:
    assert verify_sas(sas_token(resource, "policy", "a+key/=", LATER), AUDIENCE, KEYS, NOW) == LATER


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (sas_token(AUDIENCE, "policy", "another key", LATER), "InvalidSignature"),
        (sas_token(AUDIENCE, "stranger", "a+key/=", LATER), "InvalidSignature"),
        (sas_token(AUDIENCE, "stranger", "", LATER), "InvalidSignature"),
        (
            sas_token(AUDIENCE, "policy", "a+key/=", NOW),
            "ExpiredToken: The token is expired. Expiration time: '2026-03",
        ),
        (sas_token("sb://127.0.0.1:5672/other", "policy", "a+key/=", LATER), "InvalidAudience"),
        (sas_token("sb://elsewhere/hub", "policy", "a+key/=", LATER), "InvalidAudience"),
        (sas_token(AUDIENCE, "policy", "a+key/=", LATER).replace("&se=", "&se=99"), "MalformedToken"),
        (sas_token(AUDIENCE, "policy", "a+key/=", LATER).replace("&se=17", "&se=18"), "InvalidSignature"),
        ("SharedAccessSignature sr=x", "MalformedToken"),
        ("Bearer x", "MalformedToken"),
        ("", "MalformedToken"),
    ],
)
def test_any_other_signature_is_refused_with_the_services_reason(token: str, reason: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        verify_sas(token, AUDIENCE, KEYS, NOW)
    assert refused.value.status == 401
    assert refused.value.description.startswith(reason)
    assert "sig=" not in str(refused.value)


def claims(**changes: Any) -> dict[str, Any]:
    return {"aud": "https://eventhubs.azure.net", "exp": LATER.timestamp(), "nbf": NOW.timestamp()} | changes


@pytest.mark.parametrize("audience", ["https://eventhubs.azure.net", "https://eventhubs.azure.net/"])
def test_a_json_web_token_opens_the_hub_until_it_expires(audience: str) -> None:
    assert verify_jwt(hs256_token(claims(aud=audience), b"secret"), hs256_verifier(b"secret"), NOW) == LATER


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (hs256_token(claims(), b"another"), "InvalidSignature"),
        (hs256_token(claims(aud="https://vault.azure.net"), b"secret"), "InvalidAudience"),
        (hs256_token(claims(exp=NOW.timestamp()), b"secret"), "ExpiredToken"),
        (hs256_token(claims(nbf=LATER.timestamp()), b"secret"), "InvalidToken"),
        (hs256_token(claims(exp="soon"), b"secret"), "InvalidSignature"),
        ("e30.e30.", "InvalidSignature"),
        ("no token", "InvalidSignature"),
    ],
)
def test_any_other_json_web_token_is_refused(token: str, reason: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        verify_jwt(token, hs256_verifier(b"secret"), NOW)
    assert refused.value.description.startswith(reason)


def test_without_a_verifier_nothing_vouches_for_a_json_web_token() -> None:
    with pytest.raises(TokenRefused, match="shared access signatures only"):
        verify_jwt(hs256_token(claims(), b"secret"), None, NOW)


def test_an_algorithm_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="wrong signature"):
        hs256_verifier(b"secret")("eyJhbGciOiJub25lIn0.e30.")


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("amqps://127.0.0.1:5/Hub/Partitions/0", ("127.0.0.1:5", ("hub", "partitions", "0"))),
        ("/Hub", ("", ("hub",))),
        ("$cbs", ("", ("$cbs",))),
        ("", ("", ())),
    ],
)
def test_an_address_is_host_and_path_without_case(address: str, parts: tuple[str, tuple[str, ...]]) -> None:
    assert parts == split_address(address)
