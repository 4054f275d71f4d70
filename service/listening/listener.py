"""Accepts connections within bounds, so that nobody who can reach the port can take the process's files or its log.

A connection has one deadline for all that happens on it: ten seconds to ask, to read the answer and to be gone, unless
who answers says that it may stay. When there are too many, the oldest makes room: who has come just now is most likely
a probe or a scrape. What is spoken on a connection is left to the protocol.
"""

import asyncio
import ipaddress
import resource
import socket
from collections.abc import Callable
from contextlib import suppress

import structlog
from aiohttp import web

CONNECTIONS = 64
SECONDS = 10.0
RESERVED = 64
"""Descriptors that are left to snapshots, the hub and deliveries; a quarter of all, where there are few."""

_PAUSE = 1.0
_SAY_EVERY = 60.0
_BACKLOG = 128

_log = structlog.get_logger(__name__)


class Listener:
    """Listens on all addresses of a host, and hands each connection to a protocol of its own.

    Parameters
    ----------
    protocol
        Makes a protocol.
    host, port
        Where to listen; port 0 takes any that is free.
    connections
        Most connections at a time.
    seconds
        How long each may last.
    """

    def __init__(
        self,
        protocol: Callable[[], asyncio.Protocol],
        host: str,
        port: int,
        *,
        connections: int = CONNECTIONS,
        seconds: float = SECONDS,
    ) -> None:
        self._protocol = protocol
        self._host = host
        self._port = port
        self._connections = connections
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._open: dict[_Connection, None] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._waiting: asyncio.TimerHandle | None = None
        self._highest = _highest_descriptor()
        self._refused = 0
        self._said = -_SAY_EVERY

    async def start(self) -> int:
        """Begin to listen; returns the port.

        Raises
        ------
        OSError
            If the address is taken or not ours.
        """
        addresses = await self._addresses()
        try:
            for address in addresses:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                self._sockets.append(socket.create_server((address, self._port), family=family, backlog=_BACKLOG))
        except OSError:
            await self.stop()
            raise
        for listening in self._sockets:
            listening.setblocking(False)
        self._listen()
        port: int = self._sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop listening; connections that there are go on, until their end or their deadline."""
        if self._waiting is not None:
            self._waiting.cancel()
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self._sockets.clear()

    def drop(self) -> None:
        """End every connection that is left."""
        for connection in list(self._open):
            connection.end()

    async def _addresses(self) -> list[str]:
        with suppress(ValueError):
            return [str(ipaddress.ip_address(self._host))]
        found = await self._loop.getaddrinfo(self._host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def _listen(self) -> None:
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        try:
            accepted, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            # Out of descriptors or of memory: as long as nobody closes one, the next attempt would fail as well.
            self._refuse(error.strerror or str(error))
            for one in self._sockets:
                self._loop.remove_reader(one)
            self._waiting = self._loop.call_later(_PAUSE, self._listen)
            return
        if len(self._open) >= self._connections or accepted.fileno() > self._highest:
            self._refuse("too many connections")
            if not self._open:
                accepted.close()
                return
            next(iter(self._open)).end()
        connection = _Connection(self._protocol(), lambda: self._open.pop(connection, None))
        self._open[connection] = None
        connection.deadline = self._loop.call_later(self._seconds, connection.end)
        task = self._loop.create_task(self._connect(connection, accepted))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, connection: "_Connection", accepted: socket.socket) -> None:
        accepted.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:
            accepted.close()
            connection.connection_lost(None)

    def _refuse(self, reason: str) -> None:
        self._refused += 1
        now = self._loop.time()
        if now - self._said >= _SAY_EVERY:
            _log.warning("http_connections_dropped", count=self._refused, reason=reason)
            self._refused, self._said = 0, now


def stay_open(request: web.BaseRequest, seconds: float) -> None:
    """Let the connection of a request last so much longer than others: for an answer that is written bit by bit."""
    connection = request.transport.get_protocol() if request.transport is not None else None
    if isinstance(connection, _Connection):
        connection.last(seconds)


class _Connection(asyncio.Protocol):
    """Passes everything on to the protocol that is spoken, and says when it is over."""

    def __init__(self, spoken: asyncio.Protocol, on_lost: Callable[[], object]) -> None:
        self.deadline: asyncio.TimerHandle | None = None
        self._spoken = spoken
        self._on_lost = on_lost
        self._transport: asyncio.BaseTransport | None = None
        self._ended = False

    def last(self, seconds: float) -> None:
        """Give it another deadline, from now on."""
        if self.deadline is not None:
            self.deadline.cancel()
        self.deadline = asyncio.get_running_loop().call_later(seconds, self.end)

    def end(self) -> None:
        """Close at once, whatever has not been written yet."""
        self._ended = True
        self._on_lost()
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._spoken.connection_made(transport)
        if self._ended:
            self.end()

    def data_received(self, data: bytes) -> None:
        self._spoken.data_received(data)

    def eof_received(self) -> bool | None:
        return self._spoken.eof_received()

    def pause_writing(self) -> None:
        self._spoken.pause_writing()

    def resume_writing(self) -> None:
        self._spoken.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
        self._on_lost()
        if self._transport is not None:
            self._spoken.connection_lost(exc)


def _highest_descriptor() -> int:
    # The system gives out the lowest number that is free: a high one says that few are left.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit - min(RESERVED, limit // 4) if limit != resource.RLIM_INFINITY else 2**31
