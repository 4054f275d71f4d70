"""A world that takes what it is given and never answers: the service goes on telling, says so, and ends in time."""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from demo.hub import EmbeddedHub
from demo.receiver import Received, Receiver
from tests.fakes.azurite import Account
from tests.fakes.wire import wired
from tests.integration.service_process import ROOT, Office, ServiceProcess, clock, configuration
from tests.service.core.parsing.samples import message

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


async def readiness(service: ServiceProcess) -> tuple[int, dict[str, str]]:
    """Ask the readiness probe; returns its status and its reasons."""
    port = service.said("started")[-1]["http_port"]
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/healthz/ready") as answer:
        return answer.status, (await answer.json())["reasons"]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(150):
        while not holds():
            await clock.sleep(0.1)


async def until_reason(service: ServiceProcess, *components: str) -> dict[str, str]:
    async with asyncio.timeout(150):
        while True:
            status, reasons = await readiness(service)
            if set(components) <= reasons.keys():
                assert status == 503
                return reasons
            await clock.sleep(0.1)


def ids(receiver: Receiver) -> list[str]:
    return [identifier(entry) for entry in receiver.received]


def identifier(entry: Received) -> str:
    assert isinstance(entry.payload, dict)
    return str(entry.payload["id"])


def novelties(entries: Iterable[Received]) -> set[str]:
    """Return which actions that nobody had done before are told of."""
    return {found for entry in entries for found in re.findall(r"microsoft\.novelty/\w+", str(entry.payload).lower())}


async def working(stack: AsyncExitStack, hub: EmbeddedHub) -> asyncio.Event:
    """Keep an office busy; returns what stops it."""
    stop = asyncio.Event()
    task = asyncio.ensure_future(Office(hub, seed=4).work(stop))

    async def finish() -> None:
        stop.set()
        await task

    stack.push_async_callback(finish)
    return stop


async def test_a_store_that_falls_silent_delays_no_alert_and_no_end(tmp_path: Path, storage: Account) -> None:
    endpoint = re.search(r"BlobEndpoint=([^;]+)", storage.connection_string)
    assert endpoint is not None
    port = urlsplit(endpoint[1]).port
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(EmbeddedHub(partitions=2))
        receiver = await stack.enter_async_context(Receiver())
        wire = await stack.enter_async_context(wired(port))
        place = {
            "kind": "blob",
            "connection_string": storage.connection_string.replace(f":{port}/", f":{wire.port}/"),
            "container": "silent",
            "every": "1s",
            "timeout": "3s",
        }
        hook = {"kind": "webhook", "url": receiver.webhook_url, "allow_private": True}
        config = configuration(hub, snapshots=place, sinks={"hook": hook}, shutdown={"grace": "10s"})
        service = await stack.enter_async_context(ServiceProcess(tmp_path, config))
        await service.until_said("started")
        await working(stack, hub)
        await until(lambda: bool(ids(receiver)))
        wire.cut()
        known, evaluated = set(ids(receiver)), len(service.said("evaluated"))
        await until(lambda: len(novelties(one for one in receiver.received if identifier(one) not in known)) >= 2)
        await until(lambda: len(service.said("evaluated")) >= evaluated + 3)
        reasons = await until_reason(service, "snapshots")
        assert "no answer within 3 s" in reasons["snapshots"]
        assert await service.terminate() == 0
        assert service.said("stopped")
        assert not service.said("end_forced")
        assert wire.swallowed

        # What was told and not saved is found again, and told again.
        told = list(receiver.received)
        unsaved = novelties(one for one in told if identifier(one) not in known)
        wire.mend()
        await service.start()
        await until(lambda: unsaved <= novelties(receiver.received[len(told) :]))
        assert await service.terminate() == 0


async def test_a_store_that_is_silent_from_the_beginning_ends_the_start_with_the_reason(tmp_path: Path) -> None:
    async with EmbeddedHub(partitions=1) as hub, wired() as wire:
        text = (
            f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:{wire.port}/a;"
        )
        place = {"kind": "blob", "connection_string": text, "container": "silent", "timeout": "2s"}
        async with ServiceProcess(tmp_path, configuration(hub, snapshots=place)) as service:
            assert await service.wait() == 1
            [ended] = service.said("ended")
            assert "cannot be read: no answer within 2 s" in ended["text"]


async def test_sigterm_ends_a_start_that_waits_for_a_silent_store(tmp_path: Path) -> None:
    async with EmbeddedHub(partitions=1) as hub, wired() as wire:
        text = (
            f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:{wire.port}/a;"
        )
        place = {"kind": "blob", "connection_string": text, "container": "silent", "timeout": "10m"}
        async with ServiceProcess(tmp_path, configuration(hub, snapshots=place)) as service:
            await until(lambda: wire.swallowed > 0)
            assert await service.terminate() == 0


async def test_files_that_hang_stop_neither_evaluation_nor_the_other_sinks_nor_the_end(tmp_path: Path) -> None:
    """A named pipe that nobody writes to, or reads from, hangs as a file system does that is gone."""
    suppressions, url, letters = (tmp_path / name for name in ("suppressions.yaml", "url", "letters.ndjson"))
    suppressions.write_text("suppressions: []\n")
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(EmbeddedHub(partitions=2))
        receiver = await stack.enter_async_context(Receiver())
        url.write_text(receiver.webhook_url)
        hook = {"kind": "webhook", "allow_private": True}
        config = configuration(
            hub,
            snapshots={"path": str(tmp_path / "state"), "every": "1s"},
            sinks={"hung": {**hook, "url_file": str(url)}, "hook": {**hook, "url": receiver.webhook_url}},
            suppressions={"file": str(suppressions), "look_every": "200ms"},
            dead_letter={"path": str(letters)},
            shutdown={"grace": "10s"},
        )
        service = await stack.enter_async_context(ServiceProcess(tmp_path, config))
        await service.until_said("started")
        for path in (suppressions, url, letters):
            path.unlink(missing_ok=True)
            os.mkfifo(path)
        hub.append("0", message("not a record"))
        await working(stack, hub)
        await service.until_said("dead_letter_not_writable")
        await service.until_said("suppressions_refused")
        before = len(ids(receiver))
        await until(lambda: len(ids(receiver)) >= before + 3)
        reasons = await until_reason(service, "secret files")
        assert "no answer within 5 s" in reasons["secret files"]
        assert await service.terminate() == 0
        assert service.said("stopped")
        assert not service.said("end_forced")


def this_python() -> str:
    return sys.executable


def another_python() -> str:
    """Return another version of Python that the service is installed for: they end tasks differently."""
    python = ROOT / "build" / "other-venv" / "bin" / "python"
    if not python.exists():
        pytest.skip("NO OTHER PYTHON IS THERE (make test installs the service for one): its end was tried on one alone")
    return str(python)


@pytest.mark.parametrize("find_python", [this_python, another_python])
async def test_a_hub_and_a_receiver_that_fall_silent_are_left_behind_at_the_end(
    tmp_path: Path, find_python: Callable[[], str]
) -> None:
    python = find_python()
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(EmbeddedHub(partitions=2))
        wire = await stack.enter_async_context(wired(hub.port))
        nowhere = await stack.enter_async_context(wired())
        config = configuration(
            hub,
            snapshots={"path": str(tmp_path / "state"), "every": "1s"},
            sinks={"hook": {"kind": "webhook", "url": f"http://127.0.0.1:{nowhere.port}/", "allow_private": True}},
            shutdown={"grace": "10s"},
        )
        text = hub.connection_string.replace(f":{hub.port};", f":{wire.port};")
        config["event_hub"] |= {"connection_string": text}
        service = await stack.enter_async_context(ServiceProcess(tmp_path, config, python=python))
        await service.until_said("started")
        stop = await working(stack, hub)
        await until(lambda: nowhere.swallowed > 0)
        wire.cut()
        stop.set()
        await until(lambda: wire.swallowed > 0)
        assert await service.terminate() == 0
        assert service.said("stopped")
        assert not service.said("end_forced")
