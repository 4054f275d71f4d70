"""Claims-based security: is this a token that opens this entity, and until when? Pure; the time is an argument.

Shared access signatures: https://learn.microsoft.com/azure/event-hubs/authenticate-shared-access-signature ;
claims-based security: AMQP CBS 1.0, working draft. JSON Web Tokens: RFC 7519, with HS256 of RFC 7515 in place of
Entra's RS256, because a demo can sign what it accepts.
"""

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, unquote_plus, urlsplit

SAS_TYPE = "servicebus.windows.net:sastoken"
JWT_TYPE = "jwt"
JWT_AUDIENCE = "https://eventhubs.azure.net"

JwtVerifier = Callable[[str], Mapping[str, Any]]
"""Takes a JWT, returns its claims; raises ValueError when the signature is wrong."""


class TokenRefused(Exception):  # noqa: N818 - an answer of the protocol
    """The token does not open the entity.

    Parameters
    ----------
    status
        401, or 404 for an entity that does not exist.
    condition, description
        As in the answer's ``error-condition`` and ``status-description``. Never the token itself.
    """

    def __init__(self, status: int, condition: str, description: str) -> None:
        super().__init__(f"{status} {condition}: {description}")
        self.status = status
        self.condition = condition
        self.description = description


def _refuse(description: str) -> TokenRefused:
    return TokenRefused(401, "com.microsoft:auth-failed", description)


def split_address(address: str) -> tuple[str, tuple[str, ...]]:
    """Host (with port) and path segments of an entity's address, lower-case: names are case-insensitive.

    Examples
    --------
    >>> split_address("sb://127.0.0.1:5672/Hub/ConsumerGroups/$Default")
    ('127.0.0.1:5672', ('hub', 'consumergroups', '$default'))
    >>> split_address("hub/Partitions/0")
    ('', ('hub', 'partitions', '0'))
    """
    parts = urlsplit(address.lower() if "://" in address else "amqps:///" + address.lower().lstrip("/"))
    return parts.netloc, tuple(segment for segment in parts.path.split("/") if segment)


def sas_token(uri: str, key_name: str, key: str, expires: datetime) -> str:
    """Sign a shared access signature for `uri`."""
    resource, end = quote_plus(uri), str(int(expires.timestamp()))
    signature = quote_plus(_signature(resource, end, key))
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={end}&skn={quote_plus(key_name)}"


def _signature(resource: str, end: str, key: str) -> str:
    return b64encode(hmac.new(key.encode(), f"{resource}\n{end}".encode(), hashlib.sha256).digest()).decode()


def verify_sas(token: str, audience: str, keys: Mapping[str, str], now: datetime) -> datetime:
    """Check signature, expiry and that the signed resource covers `audience`; returns when the token expires.

    Raises
    ------
    TokenRefused
        With the service's reasons: malformed, unknown key or wrong signature, expired, other audience.
    """
    kind, _, query = token.partition(" ")
    fields = dict(field.partition("=")[::2] for field in query.split("&"))
    if kind != "SharedAccessSignature" or not {"sr", "sig", "se", "skn"} <= fields.keys():
        raise _refuse("MalformedToken: The token is malformed.")
    if not fields["se"].isdecimal() or len(fields["se"]) > 11:
        raise _refuse("MalformedToken: The token's expiry is malformed.")
    key = keys.get(unquote_plus(fields["skn"]), "")
    expected = _signature(fields["sr"], fields["se"], key)
    if not key or not hmac.compare_digest(expected.encode(), unquote_plus(fields["sig"]).encode()):
        raise _refuse("InvalidSignature: The token has an invalid signature.")
    expires = datetime.fromtimestamp(int(fields["se"]), UTC)
    _check_expiry(expires, now)
    host, path = split_address(unquote_plus(fields["sr"]))
    wanted_host, wanted = split_address(audience)
    if host != wanted_host or wanted[: len(path)] != path:
        raise _refuse("InvalidAudience: The authorization header contains a token for another resource.")
    return expires


def _check_expiry(expires: datetime, now: datetime) -> None:
    if expires <= now:
        raise _refuse(f"ExpiredToken: The token is expired. Expiration time: '{expires:%Y-%m-%d %H:%M:%SZ}'")


def verify_jwt(token: str, verifier: JwtVerifier | None, now: datetime) -> datetime:
    """Check a JSON Web Token for Event Hubs: signature (by `verifier`), audience, not before, expiry.

    Raises
    ------
    TokenRefused
        When one of them is wrong, or when there is no verifier, because then nothing vouches for the token.
    """
    if verifier is None:
        raise _refuse("InvalidSignature: This namespace accepts shared access signatures only.")
    try:
        claims = verifier(token)
        expires = datetime.fromtimestamp(float(claims["exp"]), UTC)
        starts = datetime.fromtimestamp(float(claims.get("nbf", 0)), UTC)
        audience = str(claims["aud"])
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        raise _refuse("InvalidSignature: The token has an invalid signature.") from None
    if audience.rstrip("/") != JWT_AUDIENCE:
        raise _refuse("InvalidAudience: The token is for another audience.")
    if starts > now:
        raise _refuse("InvalidToken: The token is not valid yet.")
    _check_expiry(expires, now)
    return expires


def hs256_verifier(secret: bytes) -> JwtVerifier:
    """Make a verifier of tokens signed with `secret` by HMAC-SHA256; every other algorithm is refused."""

    def verify(token: str) -> Mapping[str, Any]:
        try:
            head, payload, signature = token.split(".")
            header = json.loads(_unpad(head))
            given = _unpad(signature)
        except (ValueError, Base64Error):
            raise ValueError("not a JSON Web Token") from None
        expected = hmac.new(secret, f"{head}.{payload}".encode(), hashlib.sha256).digest()
        if not isinstance(header, dict) or header.get("alg") != "HS256" or not hmac.compare_digest(expected, given):
            raise ValueError("wrong signature")
        return dict(json.loads(_unpad(payload)))

    return verify


def hs256_token(claims: Mapping[str, Any], secret: bytes) -> str:
    """Sign `claims`: what a loopback token endpoint hands to azure-identity."""
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps(claims)]
    signed = ".".join(urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _unpad(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
