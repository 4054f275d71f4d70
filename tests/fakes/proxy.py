"""An HTTP proxy on loopback that tunnels (CONNECT), where names lead as it is told, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple


class Asked(NamedTuple):
    """One request: its target, and what it gave as Proxy-Authorization."""

    target: str
    authorization: str


class Proxy:
    """Tunnels to loopback ports by ``host:port``; answers 502 for any other target."""

    def __init__(self, routes: Mapping[str, int]) -> None:
        self.asked: list[Asked] = []
        self.port = 0
        self._routes = routes

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        target = first.split()[1]
        self.asked.append(Asked(target, headers.get("proxy-authorization", "")))
        port = self._routes.get(target)
        if not first.startswith("CONNECT ") or port is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass  # either side may hang up
    finally:
        sink.close()


@asynccontextmanager
async def proxying(routes: Mapping[str, int]) -> AsyncIterator[Proxy]:
    """Run a proxy until the end of the block."""
    proxy = Proxy(routes)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
