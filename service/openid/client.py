"""Signs people in by the authorization code flow, with PKCE, a state and a nonce; and judges tokens of programs.

After OpenID Connect Core 1.0 and RFC 7636. Remembers nothing of a sign-in: who has begun one keeps what it needs.
"""

import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode

from pydantic import SecretStr

from service.core.ports import Clock
from service.openid.fetching import ONE_ANSWER_WITHIN, JsonFetcher
from service.openid.provider import Provider, ProviderFacts
from service.openid.tokens import TokenTerms, claims_of, key_id
from service.openid.values import ProviderFailed, SignedIn, TokenRefused, error_code, signed_in
from service.options import read_secret
from service.waiting import OneAside

_READ_WITHIN = 5.0
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class OpenIdOptions(NamedTuple):
    """How to sign in, and where.

    Attributes
    ----------
    issuer
        Address of the provider.
    client_id
        Who we are to it.
    redirect, left
        Where it sends people back to, and where it sends them when they have signed out.
    secret, secret_file, assertion_file
        What proves that it is us; one of them. A file is read again each time.
    tenants
        Ids of tenants whose people may come; none if the issuer says enough.
    ca_file
        A certificate authority besides the public ones.
    seconds
        How long an answer of the provider may take.
    """

    issuer: str
    client_id: str
    redirect: str
    left: str
    secret: SecretStr | None = None
    secret_file: Path | None = None
    assertion_file: Path | None = None
    tenants: tuple[str, ...] = ()
    ca_file: Path | None = None
    seconds: float = ONE_ANSWER_WITHIN


class BegunSignIn(NamedTuple):
    """Where to send somebody, and what to remember until they come back; all of it secret."""

    address: str
    state: str
    nonce: str
    verifier: str


class OpenIdClient:
    """A client of one provider.

    Parameters
    ----------
    options
        How to sign in, and where.
    clock
        Says what is now, and how old is what is known of the provider.
    """

    def __init__(self, options: OpenIdOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._fetcher = JsonFetcher(options.ca_file, options.seconds)
        self._provider = Provider(options.issuer, clock, self._fetcher)
        self._reading = OneAside(_READ_WITHIN)

    async def look(self) -> None:
        """Ask the provider for its configuration, unless it is known.

        Raises
        ------
        ProviderFailed
            It cannot be used.
        """
        await self._provider.known()

    async def begin(self, *, choose: bool = False) -> BegunSignIn:
        """Return where to send somebody to sign in; `choose` if they want to do so as somebody else.

        Raises
        ------
        ProviderFailed
            Nobody knows where.
        """
        known = await self._provider.known()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._options.client_id,
            "redirect_uri": self._options.redirect,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | ({"prompt": "select_account"} if choose else {})
        return BegunSignIn(_with(known.authorization, asked), state, nonce, verifier)

    async def finish(self, code: str, begun: BegunSignIn) -> SignedIn:
        """Return who has come back with a code.

        Raises
        ------
        ProviderFailed
            The provider takes no code of ours, or cannot be asked.
        TokenRefused
            What it has given for the code is not accepted.
        """
        known = await self._provider.known()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._options.redirect,
            "client_id": self._options.client_id,
            "code_verifier": begun.verifier,
        }
        proof, authorization = await self._proof(known)
        answer = await self._fetcher.ask(known.token, {**form, **proof}, authorization)
        token = answer.said.get("id_token")
        if answer.status != 200 or not isinstance(token, str):
            raise ProviderFailed(f"the provider refuses the code: {refusal_in(answer.said)}")
        claims = await self._claims(token)
        if not secrets.compare_digest(str(claims.get("nonce")).encode(errors="replace"), begun.nonce.encode()):
            raise TokenRefused("the token is of another sign-in (nonce)")
        return signed_in(claims)

    async def accept(self, token: str) -> SignedIn:
        """Return whom an access token is about.

        Raises
        ------
        ProviderFailed
            The provider cannot be asked for its keys.
        TokenRefused
            It is not accepted.
        """
        claims = await self._claims(token)
        if "nonce" in claims:
            raise TokenRefused("this is an ID token: an access token is wanted")
        return signed_in(claims)

    async def leaving(self, hint: str) -> str:
        """Return where to send somebody to sign out of the provider as well; empty if there is no such place."""
        try:
            known = await self._provider.known()
        except ProviderFailed:
            return ""
        if not known.end_session:
            return ""
        # No id_token_hint: a token has no place in an address, which browsers and proxies keep.
        asked = {"client_id": self._options.client_id, "post_logout_redirect_uri": self._options.left}
        return _with(known.end_session, asked | ({"logout_hint": hint} if hint else {}))

    async def close(self) -> None:
        """Release connections."""
        await self._fetcher.close()

    async def _claims(self, token: str) -> Mapping[str, Any]:
        known = await self._provider.known(key_id(token))
        tenants = frozenset(one.lower() for one in self._options.tenants)
        expected = TokenTerms(known.issuer, self._options.client_id, tenants)
        return claims_of(token, known.keys, expected, self._clock.now())

    async def _proof(self, known: ProviderFacts) -> tuple[Mapping[str, str], str]:
        options = self._options
        try:
            if options.assertion_file is not None:
                assertion = await self._reading.run(read_secret, None, options.assertion_file)
                return {"client_assertion_type": _ASSERTION, "client_assertion": _revealed(assertion)}, ""
            secret = await self._reading.run(read_secret, options.secret, options.secret_file)
        except (OSError, UnicodeDecodeError) as error:
            not_text = isinstance(error, UnicodeDecodeError)
            said = "it is not text" if not_text else getattr(error, "strerror", None) or "no answer in time"
            option = "client_secret_file" if options.assertion_file is None else "client_assertion_file"
            raise ProviderFailed(f"sign_in.{option} cannot be read: {said}") from None
        if known.posts_secret:
            return {"client_secret": _revealed(secret)}, ""
        # As RFC 6749 has it (section 2.3.1): encoded as in a form first.
        both = f"{quote_plus(options.client_id)}:{quote_plus(_revealed(secret))}"
        return {}, f"Basic {b64encode(both.encode()).decode()}"


def refusal_in(said: Mapping[str, Any]) -> str:
    """Return the code of an error that a provider tells, and Entra's number for it: nothing else that it says.

    >>> refusal_in({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret …"})
    'invalid_client, AADSTS7000215'
    >>> refusal_in({"error": "<b>"})
    'it does not say why'
    """
    code, described = error_code(str(said.get("error") or "")), str(said.get("error_description") or "")
    number = described.partition(":")[0]
    found = [code] if code else []
    if number.startswith("AADSTS") and number[6:].isascii() and number[6:].isdigit() and len(number) < 20:
        found.append(number)
    return ", ".join(found) or "it does not say why"


def _with(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


def _revealed(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
