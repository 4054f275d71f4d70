"""Suppressions as operators use them: a real process on a real hub, its ConfigMap swapped and broken under it."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from demo.hub import EmbeddedHub
from service.suppressions.entry import written
from service.suppressions.file import read_suppressions
from service.suppressions.locking import locked
from tests.integration.service_process import ROOT, Office, ServiceProcess, clock, configuration
from tests.service.config_map import ConfigMap

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


async def evaluated(service: ServiceProcess, after: int, more: int) -> list[dict[str, Any]]:
    """Wait until `more` evaluations have followed the first `after`; returns those."""
    async with asyncio.timeout(150):
        while len(service.said("evaluated")) < after + more:
            await clock.sleep(0.1)
    return service.said("evaluated")[after:]


async def said_again(service: ServiceProcess, event: str, times: int) -> dict[str, Any]:
    """Wait until `event` has been said so often."""
    async with asyncio.timeout(90):
        while len(service.said(event)) < times:
            await clock.sleep(0.05)
    return service.said(event)[-1]


async def test_a_swapped_file_keeps_alerts_back_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    until = written(clock.now() + timedelta(hours=1))
    entries = "".join(
        f"  - {{detector: {name}, until: {until}, reason: exercise, owner: ops, learn: false}}\n"
        for name in ("rare_action", "rare_failure", "failure_spike", "new_network", "dormant")
    )
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(EmbeddedHub(partitions=2))
        file = ConfigMap(tmp_path / "mounted", "suppressions: []\n")
        config = configuration(
            hub,
            snapshots={"kind": "file", "path": str(tmp_path / "state"), "every": "1s"},
            sinks={"stdout": {"kind": "stdout", "format": "ndjson"}},
            suppressions={"file": str(file.path), "look_every": "200ms"},
        )
        service = await stack.enter_async_context(ServiceProcess(tmp_path, config))
        started = await service.until_said("started")
        stop = asyncio.Event()
        working = asyncio.ensure_future(Office(hub, seed=5).work(stop))
        before = await evaluated(service, 0, 4)
        assert sum(one["alerts"] for one in before) > 0
        file.update(f"suppressions:\n{entries}")
        await said_again(service, "suppressions_loaded", 2)
        # One that had been decided before may be written down after it.
        _, *quiet = await evaluated(service, len(service.said("evaluated")), 5)
        assert [one["alerts"] for one in quiet] == [0, 0, 0, 0]
        assert sum(one["suppressed"] for one in quiet) > 0
        file.update("suppressions: [\n")
        refused = await service.until_said("suppressions_refused")
        assert refused["level"] == "error"
        assert refused["problems"][0].startswith("suppressions.yaml: is not valid YAML at line ")
        quiet = await evaluated(service, len(service.said("evaluated")), 3)
        assert [one["alerts"] for one in quiet] == [0, 0, 0]
        async with aiohttp.ClientSession(f"http://127.0.0.1:{started['http_port']}") as session:
            async with session.get("/healthz/ready") as response:
                health = await response.json()
            async with session.get("/metrics") as response:
                metrics = await response.text()
        assert (health["status"], list(health["notes"])) == ("ok", ["suppressions"])
        assert "unwonted_suppressions_file_broken 1.0" in metrics
        assert 'unwonted_would_have_alerted_total{detector="rare_action"}' in metrics
        stop.set()
        await working
        assert await service.terminate() == 0
        # Nothing starts on a broken file.
        await service.start()
        assert await service.wait() == 2
        assert "suppressions.file: suppressions.yaml: is not valid YAML" in service.log.read_text()


async def adding(file: Path, action: str) -> asyncio.subprocess.Process:
    until = ("--until", "8h", "--reason", "patching", "--owner", "ops@contoso.example", "--no-learn")
    arguments = ("-m", "service", "suppress", "add", "--suppressions", str(file), "--action", action, *until)
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)


def handles(process: asyncio.subprocess.Process) -> list[str]:
    """Return the names of the files that a process has open."""
    found = []
    for number in os.listdir(f"/proc/{process.pid}/fd"):  # noqa: PTH208 - there is no Path of what may be closed by then
        with suppress(OSError):
            found.append(Path(f"/proc/{process.pid}/fd/{number}").readlink().name)
    return found


async def has_open(process: asyncio.subprocess.Process, name: str) -> None:
    """Wait until a process has a file of that name open."""
    async with asyncio.timeout(90):
        while name not in handles(process):
            assert process.returncode is None
            await clock.sleep(0.005)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc on this system")
async def test_two_that_add_at_once_are_both_heard_and_so_is_who_came_before_them(tmp_path: Path) -> None:
    file, until = tmp_path / "s.yaml", written(clock.now() + timedelta(hours=1))
    with locked(file, lambda _: None):
        two = [await adding(file, "second/*"), await adding(file, "third/*")]
        for process in two:
            await has_open(process, ".s.yaml.lock")
        file.write_text(
            f"suppressions:\n  - {{action: first/*, until: {until}, reason: exercise, owner: ops, learn: false}}\n"
        )
    assert [await process.wait() for process in two] == [0, 0]
    assert {entry.action for entry in read_suppressions(file.read_bytes(), "s.yaml", clock.now())} == {
        "first/*",
        "second/*",
        "third/*",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]  # noqa: ASYNC240 - nothing else runs meanwhile
