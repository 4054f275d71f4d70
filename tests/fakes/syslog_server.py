"""A collector of syslog on loopback: TCP, TLS and UDP, which reads what it is sent or treats it as it is told."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

Manner = Literal["reads", "silent", "resets"]
"""Reads to the end and closes; does neither; resets at the first byte."""


class SyslogServer:
    """What was heard, a connection or a datagram each.

    Attributes
    ----------
    manner
        How it treats a connection.
    """

    def __init__(self, manner: Manner = "reads") -> None:
        self.manner = manner
        self.port = 0
        self.heard: list[bytes] = []
        self.came = asyncio.Event()

    def messages(self) -> list[str]:
        """Return all messages of all connections, by the lengths that stand before them (RFC 6587, section 3.4.1)."""
        found = []
        for stream in self.heard:
            left = stream
            while left:
                length, _, left = left.partition(b" ")
                message, left = left[: int(length)], left[int(length) :]
                assert len(message) == int(length), "the stream ends within a message"
                found.append(message.decode())
        return found

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        try:
            if self.manner == "silent":
                await asyncio.Event().wait()
            if self.manner == "resets":
                await reader.read(1)
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            self.heard.append(await reader.read())
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    def datagram(self, data: bytes) -> None:
        """Take one datagram."""
        self.heard.append(data)
        self.came.set()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: SyslogServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._server.datagram(data)


@asynccontextmanager
async def collecting_datagrams(server: SyslogServer) -> AsyncIterator[SyslogServer]:
    """Let it listen for datagrams."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server), ("127.0.0.1", server.port))
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
