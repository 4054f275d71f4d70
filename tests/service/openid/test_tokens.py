"""Which tokens are accepted: those that are signed by the provider, for us, of a tenant that may come, and in time."""

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.openid.tokens import PublicKey, TokenTerms, claims_of, key_id, keys_of
from service.openid.values import TokenRefused
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.openid_provider import CLIENT, TENANT, SigningKey, claims, signing_key

ISSUER = f"https://login.example/{TENANT}/v2.0"
MANY = "https://login.example/{tenantid}/v2.0"
EXPECTED = TokenTerms(ISSUER, CLIENT, frozenset())
NOW = MONDAY_MORNING


def published(*keys: SigningKey, **more: Any) -> list[PublicKey]:
    return keys_of({"keys": [key.jwk(**more) for key in keys]})


def judged(token: str, keys: list[PublicKey] | None = None, expected: TokenTerms = EXPECTED, after: float = 0.0) -> Any:
    found = published(signing_key()) if keys is None else keys
    return claims_of(token, found, expected, NOW + timedelta(seconds=after))


def good(**more: Any) -> dict[str, Any]:
    return claims(ISSUER, NOW, **more)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256"])
def test_a_good_token_is_accepted_in_each_way_of_signing(algorithm: str) -> None:
    key = signing_key(algorithm, algorithm)
    token = key.sign(good())
    assert key_id(token) == algorithm
    assert judged(token, published(key, signing_key()))["oid"] == good()["oid"]


def unsigned() -> str:
    return jwt.encode(good(), None, "none", headers={"kid": "first"})  # type: ignore[arg-type]


def signed_with_what_everybody_knows() -> str:
    """Sign with the public key as if it was a secret: RFC 8725, section 2.1."""
    public = signing_key().private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = ({"alg": "HS256", "kid": "first"}, good())
    head, body = (urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    mark = urlsafe_b64encode(hmac.digest(public, head + b"." + body, "sha256")).rstrip(b"=")
    return b".".join((head, body, mark)).decode()


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (unsigned(), "not signed in a way that is accepted"),
        (signed_with_what_everybody_knows(), "not signed in a way that is accepted"),
        (signing_key("strange").sign(good(), kid="first"), "not signed with a key of the provider"),
        (signing_key("strange").sign(good()), "a key that the provider does not have"),
        (
            signing_key("strange").sign(good(), jwk=signing_key("strange").jwk()),
            "a key that the provider does not have",
        ),
        (signing_key().sign(good(), crit=["strange"], strange=1), "not a token|an extension that is not supported"),
        (signing_key().sign(good())[:-8] + "AAAAAAAA", "not signed with a key of the provider"),
        ("", "not a token"),
        ("a.b.c", "not a token"),
        ("x" * 40_000, "longer than 32 KiB"),
        ("\ud800.\ud800.\ud800", "not a token"),
        ("eyJhbGciOltbW10.e30.e30", "not a token"),
    ],
)
def test_what_the_provider_has_not_signed_is_refused(token: str, said: str) -> None:
    with pytest.raises(TokenRefused, match=said):
        judged(token)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"iss": "https://login.example/other/v2.0"}, "another issuer"),
        ({"iss": ISSUER + "/"}, "another issuer"),
        ({"iss": f"https://sts.windows.net/{TENANT}/"}, "requestedAccessTokenVersion"),
        ({"aud": "another"}, "for another application"),
        ({"aud": [CLIENT, "another"]}, "for other applications as well"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "for other applications as well"),
        ({"sub": None}, "lacks sub"),
        ({"exp": None}, "lacks exp"),
        ({"iat": None}, "lacks iat"),
        ({"aud": None}, "lacks aud"),
        ({"exp": True}, "a time that is not a number"),
        ({"nbf": "soon"}, "a time that is not a number"),
        ({"exp": float("nan")}, "a time that is not a number"),
        ({"exp": int(NOW.timestamp()) - 60}, "has expired"),
        ({"nbf": int(NOW.timestamp()) + 61}, "not valid yet"),
        ({"iat": int(NOW.timestamp()) + 61}, "not valid yet"),
    ],
)
def test_what_is_for_somebody_else_or_another_time_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(TokenRefused, match=said):
        judged(signing_key().sign(good(**more)))


def test_clocks_may_differ_by_a_minute() -> None:
    token = signing_key().sign(good())
    judged(token, after=3600 + 59)
    judged(token, after=-59)
    with pytest.raises(TokenRefused, match="expired"):
        judged(token, after=3600 + 60)


def test_whom_it_is_for_may_stand_in_a_list() -> None:
    judged(signing_key().sign(good(aud=[CLIENT])))
    judged(signing_key().sign(good(aud=[CLIENT, "another"], azp=CLIENT)))


def test_of_many_tenants_those_may_enter_that_are_listed() -> None:
    expected = TokenTerms(MANY, CLIENT, frozenset({TENANT}))
    other = "11111111-0000-4000-8000-000000000000"
    judged(signing_key().sign(good()), expected=expected)
    for more, said in (
        ({"tid": other, "iss": MANY.replace("{tenantid}", other)}, r"of a tenant that sign_in\.tenants does not name"),
        ({"tid": None}, r"of a tenant that sign_in\.tenants does not name"),
        ({"iss": MANY.replace("{tenantid}", other)}, "another issuer"),
        ({"iss": MANY}, "another issuer"),
    ):
        with pytest.raises(TokenRefused, match=said):
            judged(signing_key().sign(good(**more)), expected=expected)
    with pytest.raises(TokenRefused, match=r"sign_in\.tenants does not say which"):
        judged(signing_key().sign(good()), expected=TokenTerms(MANY, CLIENT, frozenset()))
    with pytest.raises(TokenRefused, match=r"of a tenant that sign_in\.tenants does not name"):
        judged(signing_key().sign(good()), expected=TokenTerms(ISSUER, CLIENT, frozenset({other})))


def test_a_key_of_one_tenant_does_not_sign_for_another() -> None:
    judged(signing_key().sign(good()), published(signing_key(), issuer=MANY))
    with pytest.raises(TokenRefused, match="another issuer"):
        judged(signing_key().sign(good()), published(signing_key(), issuer="https://login.example/other/v2.0"))


def test_keys_that_are_none_or_too_weak_or_for_something_else_sign_nothing() -> None:
    weak = signing_key("weak", bits=1024)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        signed_weakly = weak.sign(good())
    with pytest.raises(TokenRefused, match="fewer than 2,048 bits"):
        judged(signed_weakly, published(weak))
    token = signing_key().sign(good())
    for more in ({"use": "enc"}, {"alg": "PS256"}, {"kty": "oct"}, {"kid": "another"}):
        with pytest.raises(TokenRefused, match="does not have"):
            judged(token, published(signing_key(), **more))
    with pytest.raises(TokenRefused, match="cannot be read"):
        judged(token, published(signing_key(), n="?"))
    for document in ({}, {"keys": 5}, {"keys": [5, {"kty": 7}, {}]}):
        assert keys_of(document) == []


def test_a_token_that_names_no_key_is_judged_where_there_is_one_alone() -> None:
    token = jwt.encode(good(), signing_key().private, "RS256")
    assert key_id(token) == ""
    judged(token)
    with pytest.raises(TokenRefused, match="does not have"):
        judged(token, published(signing_key(), signing_key("second")))
    judged(token, published(signing_key(), signing_key("ES256", "ES256")))
