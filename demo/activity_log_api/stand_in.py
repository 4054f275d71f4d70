"""What every stand-in for an API of Azure does alike: listens, takes tokens that are still good, refuses when told.

What is served under which path is for those that build on it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler
from azure.core.credentials import AccessToken

from service.core.ports import Clock


class StaticCredential:
    """A token credential for the server: each token is good for a while, by the server's own clock.

    Attributes
    ----------
    issued
        Tokens given out so far.
    """

    def __init__(self, clock: Clock, lifetime: timedelta = timedelta(hours=1)) -> None:
        self.issued = 0
        self._clock = clock
        self._lifetime = lifetime
        self._good_until: dict[str, datetime] = {}

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """Return a new token."""
        self.issued += 1
        token = f"token-{self.issued}"
        until = self._clock.now() + self._lifetime
        self._good_until[token] = until
        return AccessToken(token, int(until.timestamp()))

    async def close(self) -> None:
        """Close nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def accepts(self, token: str) -> bool:
        """Whether `token` is one of ours and still good."""
        until = self._good_until.get(token)
        return until is not None and self._clock.now() < until

    def revoke(self) -> None:
        """Let every token that was given out be refused from now on."""
        self._good_until.clear()


class StandIn(ABC):
    """A server on this machine; a context, in which it listens.

    Parameters
    ----------
    credential
        Whose tokens are accepted.

    Attributes
    ----------
    address
        Where it listens, once started.
    requests
        Path of each request that was let in, in order.
    forbidden
        Subscriptions or workspaces that answer 403.
    on_request
        Awaited before each request is looked at.
    """

    def __init__(self, credential: StaticCredential) -> None:
        self.address = ""
        self.requests: list[str] = []
        self.forbidden: set[str] = set()
        self.on_request: Callable[[], Awaitable[None]] = _do_nothing
        self._credential = credential
        self._refusals: list[Callable[[], web.Response]] = []
        self._runner: web.AppRunner | None = None

    def refuse(self, status: int, times: int = 1, **headers: str) -> None:
        """Answer the next `times` requests with `status`; ``Retry_After="3"`` becomes a header."""
        code = "TooManyRequests" if status == 429 else "ServerError"
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self._refusals += [partial(error_answer, status, code, named)] * times

    def interpose(self, status: int, times: int = 1) -> None:
        """Let the next `times` requests be answered by somebody between us, in HTML."""
        self._refusals += [partial(web.Response, text="<html>", status=status, content_type="text/html")] * times

    @abstractmethod
    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Say which paths are served."""

    async def __aenter__(self) -> Self:
        @web.middleware
        async def announced(request: web.Request, handler: Handler) -> web.StreamResponse:
            await self.on_request()
            return await handler(request)

        application = web.Application(middlewares=[announced])
        self.add_routes(application.router)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def refusal(self, request: web.Request) -> web.Response | None:
        """Return why a request is not let in, or None, and note it."""
        if self._refusals:
            return self._refusals.pop(0)()
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self._credential.accepts(token):
            return error_answer(401, "ExpiredAuthenticationToken", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        self.requests.append(request.path_qs)
        return None


async def _do_nothing() -> None:
    pass


def error_answer(status: int, code: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error as Azure words it."""
    return web.json_response({"error": {"code": code, "message": code}}, status=status, headers=headers)
