"""Hundreds of half requests at a process with few descriptors: it goes on learning, saving, telling and answering."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
import pytest

from demo.hub import EmbeddedHub
from demo.receiver import Receiver
from service.storage.snapshots import CURRENT
from tests.integration.service_process import Office, ServiceProcess, clock, configuration

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

DESCRIPTORS = 256
HALF_REQUESTS = 400


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def half_request(port: int) -> Connection:
    """Begin a request and leave it at that."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Half: ")
    return reader, writer


async def was_closed(connection: Connection) -> bool:
    """Wait for the other end to close, and do so as well; returns whether it did without an answer."""
    reader, writer = connection
    said = b""
    with suppress(ConnectionResetError):
        said = await reader.read()
    writer.close()
    return said == b""


async def metric(port: int, name: str) -> float:
    address = f"http://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(address) as answer:
        assert answer.status == 200
        text = await answer.text()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


async def until_more(port: int, name: str, than: float) -> None:
    async with asyncio.timeout(150):
        while await metric(port, name) <= than:
            await clock.sleep(0.2)


async def test_half_requests_take_nothing_from_snapshots_hub_and_deliveries(tmp_path: Path) -> None:
    saved = 'unwonted_snapshots_total{result="saved"}'
    sent = 'unwonted_deliveries_total{result="sent"'
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(EmbeddedHub(partitions=2))
        receiver = await stack.enter_async_context(Receiver())
        hook = {"kind": "webhook", "url": receiver.webhook_url, "allow_private": True}
        config = configuration(hub, snapshots={"path": str(tmp_path / "state"), "every": "1s"}, sinks={"hook": hook})
        service = await stack.enter_async_context(ServiceProcess(tmp_path, config, descriptors=DESCRIPTORS))
        port = (await service.until_said("started"))["http_port"]
        stop = asyncio.Event()
        working = asyncio.ensure_future(Office(hub, seed=11).work(stop))
        await until_more(port, sent, 0)

        half = [await half_request(port) for _ in range(HALF_REQUESTS)]
        for name in (saved, sent, "unwonted_messages_total"):
            await until_more(port, name, await metric(port, name))
        for path in ("live", "startup", "ready"):
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/healthz/{path}") as it:
                assert it.status == 200
        async with asyncio.timeout(150):
            assert all(await asyncio.gather(*map(was_closed, half)))

        stop.set()
        await working
        assert not service.said("snapshot_failed")
        assert not service.said("source_trouble")
        assert not service.said("delivery_retried")
        assert len(service.said("http_connections_dropped")) <= 2
        assert b"accept" not in service.log.read_bytes()
        assert (tmp_path / "state" / CURRENT).exists()
        assert await service.terminate() == 0
