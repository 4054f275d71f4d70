"""Lets a fake server that talks over a stream listen on loopback, and ends its conversations at the end."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol, TypeVar


class Talker(Protocol):
    """A server as far as its connections go; `port` is where it listens, 0 to be given one."""

    port: int

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""


_S = TypeVar("_S", bound=Talker)


@asynccontextmanager
async def listening(server: _S, tls: ssl.SSLContext | None = None) -> AsyncIterator[_S]:
    """Let `server` listen, encrypted from the first byte if `tls` is given."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        with suppress(asyncio.CancelledError):  # at the end of the block, which asyncio's server would complain of
            await server.talk(reader, writer)
        talks.discard(task)

    socket = await asyncio.start_server(talk, "127.0.0.1", server.port, ssl=tls)
    server.port = socket.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        socket.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
