"""A webhook receiver on loopback that answers as it is told and remembers what it was sent."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from service.core.ports import Clock
from service.sinks.posting.http_post import HttpPost
from tests.fakes.clock import FakeClock


class Reply(NamedTuple):
    """What to answer; `status` 0 hangs up, -1 never answers."""

    status: int = 200
    text: str = "ok"
    headers: Mapping[str, str] = {}


class Heard(NamedTuple):
    """A request as it arrived; names of headers in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Answers the replies in order, then the last one for ever."""

    def __init__(self, replies: Sequence[Reply] = (Reply(),)) -> None:
        self.replies = list(replies)
        self.heard: list[Heard] = []
        self.url = ""
        self.port = 0

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append(Heard(request.path_qs, headers, await request.read()))
        reply = self.replies[0] if len(self.replies) == 1 else self.replies.pop(0)
        if reply.status == 0:
            assert request.transport is not None
            request.transport.abort()
        if reply.status <= 0:
            await asyncio.Event().wait()
        return web.Response(status=reply.status, text=reply.text, headers=reply.headers)


@asynccontextmanager
async def receiving(replies: Sequence[Reply] = (Reply(),)) -> AsyncIterator[Receiver]:
    receiver = Receiver(replies)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver._answer)
    server = TestServer(app, handler_cancellation=True)
    await server.start_server(shutdown_timeout=0.01, access_log=None)
    try:
        assert server.port is not None
        receiver.port = server.port
        receiver.url = f"http://127.0.0.1:{server.port}"
        yield receiver
    finally:
        await server.close()


def posts_to(url: str, clock: Clock | None = None) -> HttpPost:
    """Return what posts to `url`, on this machine too."""
    return HttpPost(SecretStr(url), clock=clock or FakeClock(), allow_loopback=True)


class Directory(AbstractResolver):
    """A name server that answers with each list of addresses in turn, then with the last for ever; [] is no answer."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        self.asked += 1
        addresses = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        if not addresses:
            raise OSError(f"{host}: no such name")
        return [
            ResolveResult(hostname=host, host=ip, port=port, family=10 if ":" in ip else 2, proto=0, flags=0)
            for ip in addresses
        ]

    async def close(self) -> None:
        self._answers = [[]]
