"""Suppressions as operators use them: a real process on a real hub, its ConfigMap swapped and broken under it."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from demo.hub import EmbeddedHub
from service.suppressions.entry import written
from tests.integration.service_process import Office, ServiceProcess, clock, configuration
from tests.service.config_map import ConfigMap

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


async def evaluated(service: ServiceProcess, after: int, more: int) -> list[dict[str, Any]]:
    """Wait until `more` evaluations have followed the first `after`; returns those."""
    async with asyncio.timeout(60):
        while len(service.said("evaluated")) < after + more:
            await clock.sleep(0.1)
    return service.said("evaluated")[after:]


async def said_again(service: ServiceProcess, event: str, times: int) -> dict[str, Any]:
    """Wait until `event` has been said so often."""
    async with asyncio.timeout(30):
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
