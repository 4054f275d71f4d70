"""An OpenID provider on loopback: signs people in as it is told, rotates its keys, and misbehaves on request."""

import asyncio
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import unquote_plus, urlencode

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from service.core.ports import Clock

TENANT = "9a9a9a9a-0000-4000-8000-0000000000a1"
CLIENT = "9a9a9a9a-0000-4000-8000-0000000000c1"
SECRET = "planted: what the console proves itself with"
ANN: Mapping[str, Any] = {
    "sub": "pairwise-1",
    "oid": "9a9a9a9a-0000-4000-8000-0000000000f1",
    "tid": TENANT,
    "preferred_username": "ann@contoso.example",
    "name": "Ann",
    "login_hint": "hint-of-ann",
    "roles": ["analyst"],
}


class SigningKey(NamedTuple):
    id: str
    algorithm: str
    private: Any

    def jwk(self, **more: Any) -> dict[str, Any]:
        """Return its public half, as a JWKS document has it."""
        made = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key(), as_dict=True)
        return {**made, "kid": self.id, "use": "sig", **more}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        return jwt.encode(dict(claims), self.private, self.algorithm, headers={"kid": self.id, **header})


@cache
def signing_key(id_: str = "first", algorithm: str = "RS256", bits: int = 2048) -> SigningKey:
    """Return the key of that name: always the same, because making one takes its time."""
    if algorithm == "ES256":
        return SigningKey(id_, algorithm, ec.generate_private_key(ec.SECP256R1()))
    return SigningKey(id_, algorithm, rsa.generate_private_key(public_exponent=65537, key_size=bits))


def claims(issuer: str, now: datetime, **more: Any) -> dict[str, Any]:
    """Return what a good token says; None leaves a claim out."""
    instant = int(now.timestamp())
    said = {"iss": issuer, "aud": CLIENT, "exp": instant + 3600, "nbf": instant, "iat": instant, **ANN, **more}
    return {name: value for name, value in said.items() if value is not None}


class Asked(NamedTuple):
    """A request to the token endpoint, or to one that misbehaves."""

    path: str
    form: Mapping[str, str]
    authorization: str


Misbehaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


class OpenIdProvider:
    """A provider with one client.

    Attributes
    ----------
    person
        What tokens say of whoever signs in next.
    keys
        What is published; the last one signs.
    misbehave
        Answers instead of an endpoint, by its path.
    spoil
        Makes the ID token out of its claims, instead of a good one.
    discovery
        What the configuration says besides, or otherwise.
    redirects
        Where people may be sent back to; anywhere while there are none.
    secret, assertion
        What the console proves itself with; either does.
    asks
        Whether it shows a page that has to be clicked on before it goes on.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.url = ""
        self.person: dict[str, Any] = dict(ANN)
        self.keys = [signing_key()]
        self.misbehave: dict[str, Misbehaviour] = {}
        self.spoil: Callable[[dict[str, Any]], str] | None = None
        self.discovery: dict[str, Any] = {}
        self.redirects: set[str] = set()
        self.asked: list[Asked] = []
        self.left: list[Mapping[str, str]] = []
        self.secret, self.assertion = SECRET, ""
        self.asks = False
        self._codes: dict[str, Mapping[str, str]] = {}

    @property
    def issuer(self) -> str:
        return f"{self.url}/{TENANT}/v2.0"

    def token(self, **more: Any) -> str:
        """Return an access token of this provider for the console."""
        return self.keys[-1].sign(claims(self.issuer, self.clock.now(), **{**self.person, **more}))

    def count(self, path: str) -> int:
        """How often something has been asked for."""
        return sum(one.path == path for one in self.asked)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(f"/{TENANT}/v2.0")
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(Asked(path, form, request.headers.get("authorization", "")))
        if (instead := self.misbehave.get(path)) is not None:
            return await instead(request)
        match path:
            case "/.well-known/openid-configuration":
                return web.json_response(self._configuration())
            case "/keys":
                return web.json_response({"keys": [key.jwk() for key in self.keys]})
            case "/authorize":
                return self._authorize(request)
            case "/token":
                return self._exchange(form, request.headers.get("authorization", ""))
            case "/logout":
                self.left.append(dict(request.query))
                raise web.HTTPFound(request.query["post_logout_redirect_uri"])
            case _:
                raise web.HTTPNotFound

    def _configuration(self) -> dict[str, Any]:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/logout",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            **self.discovery,
        }
        return {name: value for name, value in said.items() if value is not None}

    def _authorize(self, request: web.Request) -> web.StreamResponse:
        asked = dict(request.query)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["state"]) == len(asked["nonce"]) == len(asked["code_challenge"]) == 43
        assert "openid" in asked["scope"].split()
        assert not self.redirects or asked["redirect_uri"] in self.redirects
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'session_state': 'x'})}"
        if self.asks:
            page = f'<!doctype html><title>Provider</title><a href="{back}">Go on as {self.person["name"]}</a>'
            return web.Response(text=page.replace("&", "&amp;"), content_type="text/html")
        return web.Response(status=302, headers={"location": back})

    def _exchange(self, form: Mapping[str, str], authorization: str) -> web.StreamResponse:
        asked = self._codes.pop(form.get("code", ""), None)
        proofs = {
            form.get("client_secret") == self.secret,
            self.assertion and form.get("client_assertion") == self.assertion,
        }
        if authorization:
            login, _, password = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            proofs.add((unquote_plus(login), unquote_plus(password)) == (CLIENT, self.secret))
        if True not in proofs:
            return _refused("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        verifier = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or form["redirect_uri"] != asked["redirect_uri"] or verifier != asked["code_challenge"]:
            return _refused("invalid_grant", "AADSTS54005: the code was already redeemed.")
        said = claims(self.issuer, self.clock.now(), nonce=asked["nonce"], **self.person)
        made = self.spoil(said) if self.spoil else self.keys[-1].sign(said)
        return web.json_response({"id_token": made, "access_token": "opaque", "token_type": "Bearer"})


def _refused(code: str, text: str) -> web.Response:
    return web.json_response({"error": code, "error_description": text}, status=400)


async def silent(_: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.Event().wait()
    raise web.HTTPNotFound


async def endless(request: web.Request) -> web.StreamResponse:
    """Answer without end."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b" " * 65_536)


def saying(said: object, status: int = 200, **headers: str) -> Misbehaviour:
    """Answer that."""

    async def answer(_: web.Request) -> web.StreamResponse:
        text = said if isinstance(said, str) else json.dumps(said)
        return web.Response(text=text, status=status, headers=headers)

    return answer


@asynccontextmanager
async def providing(clock: Clock, host: str = "127.0.0.1") -> AsyncIterator[OpenIdProvider]:
    """Run a provider until the end of the block; to a browser, localhost is another site than 127.0.0.1."""
    provider = OpenIdProvider(clock)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.answer)
    server = TestServer(app, handler_cancellation=True)
    await server.start_server(shutdown_timeout=0.01, access_log=None)
    try:
        provider.url = f"http://{host}:{server.port}"
        yield provider
    finally:
        await server.close()
