"""Connections that somebody opens to no good end: each ends, and who has an honest question is answered."""

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from service.clock import SystemClock
from service.listening.listener import Listener, stay_open
from service.monitoring.http import Health, HttpServer

pytestmark = pytest.mark.integration

ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BIG = 20_000_000
PROC = Path("/proc")
clock = SystemClock()
others_gone: ContextVar[asyncio.Event] = ContextVar("others_gone")


async def answer(request: web.BaseRequest) -> web.Response:
    await request.read()
    if request.path == "/stay":
        stay_open(request, 20.0)
        await others_gone.get().wait()
    return web.Response(body=b"x" * BIG if request.path == "/big" else b"well")


@asynccontextmanager
async def listening(**bounds: Any) -> AsyncIterator[int]:
    server = web.Server(answer)
    listener = Listener(server, "127.0.0.1", 0, **bounds)
    port = await listener.start()
    try:
        yield port
    finally:
        await listener.stop()
        await server.shutdown(1.0)
        listener.drop()


async def opened(port: int, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the other end closes, however it does."""
    found = b""
    try:
        async with asyncio.timeout(90):
            while more := await reader.read(1 << 20):
                found += more
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbody",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbo",
        ASKED + b"GET / HT",
    ],
)
async def test_what_is_never_finished_ends_at_its_deadline(sent: bytes) -> None:
    async with listening(seconds=0.2) as port:
        reader, writer = await opened(port, sent)
        said = await rest_of(reader)
        writer.close()
    assert said.startswith(b"HTTP/1.1 200" if sent.startswith(ASKED) else b"")


@pytest.mark.skipif(not PROC.exists(), reason="no /proc on this system")
async def test_who_does_not_read_the_answer_ends_at_the_deadline() -> None:
    async with listening(seconds=0.2) as port:
        reader, writer = await opened(port, b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(90):
            while established(port) > 0:
                await clock.sleep(0.02)
        assert len(await rest_of(reader)) < BIG
        writer.close()


def established(port: int) -> int:
    """Return how many connections the kernel knows whose near end is `port`."""
    rows = [line.split() for line in (PROC / "net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


async def asked(port: int) -> bytes:
    reader, writer = await opened(port, ASKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    said = await rest_of(reader)
    writer.close()
    return said


async def test_the_oldest_makes_room_for_who_has_come_just_now() -> None:
    with structlog.testing.capture_logs() as lines:
        async with listening(connections=5) as port:
            half = [await opened(port, b"GET / HT") for _ in range(20)]
            for _ in range(10):
                assert (await asked(port)).endswith(b"well")
            for reader, _ in half[:15]:
                assert await rest_of(reader) == b""
            for _, writer in half:
                writer.close()
    assert [(line["event"], line["reason"]) for line in lines] == [("http_connections_dropped", "too many connections")]


@contextmanager
def no_more_descriptors() -> Iterator[Callable[[], None]]:
    """Let the process open nothing more until the end of the block, or until the function that it yields is called."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir(PROC / "self/fd")))  # noqa: PTH208 - numbers, no files
    spare = [os.dup(0)]
    while spare[-1] < highest:
        spare.append(os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare[-1] + 1, before[1]))

    def relent() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    try:
        yield relent
    finally:
        relent()
        for one in spare:
            os.close(one)


@pytest.mark.skipif(not PROC.exists(), reason="no /proc on this system")
async def test_without_descriptors_it_says_so_once_and_goes_on_when_there_are_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.listening.listener._PAUSE", 0.02)
    loop = asyncio.get_running_loop()
    with structlog.testing.capture_logs() as lines:
        async with listening() as port:
            with socket.socket() as client:
                client.setblocking(False)
                with no_more_descriptors() as relent:
                    await loop.sock_connect(client, ("127.0.0.1", port))
                    await loop.sock_sendall(client, ASKED)
                    async with asyncio.timeout(90):
                        while not lines:
                            await clock.sleep(0.01)
                    await clock.sleep(0.2)
                    relent()
                    assert (await loop.sock_recv(client, 1_000)).endswith(b"well")
    assert [(line["event"], line["reason"]) for line in lines] == [("http_connections_dropped", "Too many open files")]


async def test_all_addresses_of_a_host_are_listened_on_and_a_taken_one_leaves_none_open() -> None:
    async with listening() as port:
        with pytest.raises(OSError, match="in use"):
            await Listener(web.Server(answer), "127.0.0.1", port).start()
        assert (await asked(port)).endswith(b"well")


async def test_who_speaks_no_http_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    server = HttpServer(Health(), CollectorRegistry(), host="127.0.0.1", port=0)
    port = await server.start()
    for nonsense in (
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET / HTTP/9.x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
    ):
        reader, writer = await opened(port, nonsense)
        assert b" 400 " in await rest_of(reader)
        writer.close()
    reader, writer = await opened(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")
    assert b" 400 " in await rest_of(reader)
    writer.close()
    await server.stop()
    assert caplog.records == []


async def test_after_an_answer_nobody_keeps_the_connection() -> None:
    server = HttpServer(Health(), CollectorRegistry(), host="127.0.0.1", port=0)
    port = await server.start()
    for path in (b"/healthz/live", b"/healthz/ready", b"/metrics", b"/nowhere"):
        reader, writer = await opened(port, ASKED.replace(b"/ ", path + b" ", 1))
        assert b"Connection: close" in await rest_of(reader)
        writer.close()
    await server.stop()


async def test_a_connection_that_may_stay_outlives_one_that_may_not_and_is_answered() -> None:
    others_gone.set(asyncio.Event())
    async with listening(seconds=0.5) as port:
        staying, writer = await opened(port, ASKED.replace(b"/ ", b"/stay ", 1))
        idle, other = await opened(port, b"")
        assert await idle.read() == b""
        others_gone.get().set()
        assert (await staying.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        other.close()
