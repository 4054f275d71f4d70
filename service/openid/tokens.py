"""Whether a token is what it says: who has signed it, for whom, and when. Pure: keys and the time are arguments.

A token says itself how it is signed, so what it says is only looked up in what we accept, and never believed.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import jwt

from service.openid.values import TokenRefused

LEEWAY = 60.0
"""Seconds by which the provider's clock and ours may differ."""
LONGEST_TOKEN = 32_768
TENANT_PLACE = "{tenantid}"
"""What stands in the issuer of Entra's discovery document for all tenants, and in its keys'."""
_LEAST_BITS = 2_048
_ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
_USES = {None, "sig"}


class PublicKey(NamedTuple):
    """A key that a provider signs with; `issuer` if it signs for one tenant alone, or has a place for it."""

    id: str
    kind: str
    algorithm: str
    issuer: str
    jwk: Mapping[str, Any]


class TokenTerms(NamedTuple):
    """What a token has to say.

    Attributes
    ----------
    issuer
        As the discovery document says, maybe with a place for the tenant.
    audience
        Whom it has to be for: us.
    tenants
        Ids of tenants that may come, in lower case; none if the issuer says enough.
    """

    issuer: str
    audience: str
    tenants: frozenset[str]


def keys_of(document: Mapping[str, Any]) -> list[PublicKey]:
    """Return those keys of a JWKS document that signatures can be checked with; whatever else is in it is left out."""
    found = document.get("keys")
    return [
        PublicKey(
            _text(one.get("kid")),
            _text(one.get("kty")),
            _text(one.get("alg")),
            _text(one.get("issuer")),
            one,
        )
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, dict) and one.get("kty") in _ALGORITHMS.values() and one.get("use") in _USES
    ]


def key_id(token: str) -> str:
    """Return the id of the key that a token says it is signed with; empty if it says none.

    Raises
    ------
    TokenRefused
        It is no token, or signed in no way that is accepted.
    """
    header = _header(token)
    return _text(header.get("kid"))


def _header(token: str) -> Mapping[str, Any]:
    if len(token) > LONGEST_TOKEN:
        raise TokenRefused("the token is longer than 32 KiB")
    try:
        header: Mapping[str, Any] = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise TokenRefused("this is not a token") from None
    if header.get("alg") not in _ALGORITHMS:
        raise TokenRefused(f"the token is not signed in a way that is accepted: {', '.join(_ALGORITHMS)}")
    if "crit" in header:
        raise TokenRefused("the token requires an extension that is not supported (crit)")
    return header


def claims_of(token: str, keys: Sequence[PublicKey], expected: TokenTerms, now: datetime) -> Mapping[str, Any]:
    """Return what a token says, once it is known who has signed it, for whom, and that its time has not passed.

    Raises
    ------
    TokenRefused
        It is not accepted.
    """
    header = _header(token)
    algorithm = str(header["alg"])
    key = _chosen(keys, _text(header.get("kid")), algorithm)
    try:
        made = jwt.PyJWK(dict(key.jwk), algorithm)
        if getattr(made.key, "key_size", 0) < _LEAST_BITS and key.kind == "RSA":
            raise TokenRefused(f"the provider's key has fewer than {_LEAST_BITS:,} bits")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            made,
            algorithms=[algorithm],
            # Times are ours to compare: the library would ask the machine's clock.
            options={
                "require": ["exp", "iat", "iss", "aud", "sub"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_iss": False,
            },
            audience=expected.audience,
        )
    except jwt.InvalidAudienceError:
        raise TokenRefused("the token is for another application (aud)") from None
    except jwt.MissingRequiredClaimError as error:
        raise TokenRefused(f"the token lacks {error.claim}") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenRefused("the token is not signed with a key of the provider, or cannot be read") from None
    _check_issuer(claims, key, expected)
    _check_times(claims, now.timestamp())
    # Whoever else it is for could have got it, and pass it on: OpenID Connect Core 1.0, section 3.1.3.7.
    if claims["aud"] not in (expected.audience, [expected.audience]) and claims.get("azp") != expected.audience:
        raise TokenRefused("the token is for other applications as well (aud)")
    return claims


def _chosen(keys: Sequence[PublicKey], id_: str, algorithm: str) -> PublicKey:
    fitting = [one for one in keys if one.kind == _ALGORITHMS[algorithm] and one.algorithm in {"", algorithm}]
    named = [one for one in fitting if one.id == id_] if id_ else fitting
    if len(named) != 1:
        raise TokenRefused("the token is signed with a key that the provider does not have")
    return named[0]


def _check_issuer(claims: Mapping[str, Any], key: PublicKey, expected: TokenTerms) -> None:
    tenant, issuer = _text(claims.get("tid")).lower(), _text(claims["iss"])
    if not expected.tenants and TENANT_PLACE in expected.issuer:
        raise TokenRefused("the issuer is for many tenants, and sign_in.tenants does not say which")
    if expected.tenants and tenant not in expected.tenants:
        raise TokenRefused("the token is of a tenant that sign_in.tenants does not name (tid)")
    if issuer.startswith("https://sts.windows.net/") and not expected.issuer.startswith("https://sts.windows.net/"):
        raise TokenRefused(
            "the token has version 1 (iss): set requestedAccessTokenVersion of the app registration to 2"
        )
    # A key of one tenant must not sign for another, wherever keys of many are listed together.
    for wanted in filter(None, (expected.issuer, key.issuer)):
        if issuer != wanted.replace(TENANT_PLACE, tenant):
            raise TokenRefused("the token is of another issuer (iss)")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if not all(type(one) in {int, float} and math.isfinite(one) for one in times.values()):
        raise TokenRefused("the token has a time that is not a number")
    if now >= times["exp"] + LEEWAY:
        raise TokenRefused("the token has expired")
    if any(now < times[name] - LEEWAY for name in ("nbf", "iat") if name in times):
        raise TokenRefused("the token is not valid yet: do the clocks differ?")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
