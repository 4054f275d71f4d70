"""Every query of the dashboards, asked of a real Prometheus that has scraped the real /metrics."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp.test_utils import unused_port
from prometheus_client import CollectorRegistry

from models.detector import Memory
from service.clock import SystemClock
from service.http import Health, HttpServer
from service.metrics import Metrics, Reading
from service.ports import PartitionTip, Position

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus (Debian: prometheus) is absent"),
]

DASHBOARDS = Path(__file__).parents[2] / "config" / "grafana" / "dashboards"
CLOCK = SystemClock()
SCRAPES = 3


def service_metrics() -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = Metrics(registry, detectors=("rare_action",), sinks=("soc",), identity_limit=10)
    now = CLOCK.now()
    metrics.about(version="0", python="3", river="0", config_hash="0")
    metrics.partitions(owned=1, known=1)
    metrics.tips([PartitionTip("0", 7, now, now)])
    metrics.snapshot("saved", seconds=0.1, size=1000, at=now)
    reading = Reading(
        watermark=now - timedelta(hours=1),
        positions={"0": Position(5, "5", now)},
        memory={"rare_action": Memory(1, 1, 0, 1.0)},
    )
    metrics.watch(lambda: reading)
    return registry


async def ask(client: aiohttp.ClientSession, prometheus: str, expression: str) -> list[dict[str, object]]:
    async with client.get(f"{prometheus}/api/v1/query", params={"query": expression}) as answer:
        body = await answer.json()
        assert body["status"] == "success", (expression, body)
        found: list[dict[str, object]] = body["data"]["result"]
        return found


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[str]:
    server = HttpServer(Health(), service_metrics(), host="127.0.0.1", port=0)
    port = await server.start()
    config = tmp_path / "prometheus.yml"
    scrape = {"job_name": "unwonted", "scrape_interval": "1s", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    config.write_text(yaml.safe_dump({"scrape_configs": [scrape]}))
    address = f"127.0.0.1:{unused_port()}"
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={address}",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        await process.wait()
        await server.stop()


async def scraped(client: aiohttp.ClientSession, prometheus: str) -> None:
    """Return when Prometheus is up and has scraped often enough for a rate."""
    ready = False
    while not ready:
        await CLOCK.sleep(0.2)
        with contextlib.suppress(aiohttp.ClientConnectionError):  # it may not listen yet; the test's time-out ends this
            ready = bool(await ask(client, prometheus, f"count_over_time(up[1m]) >= {SCRAPES}"))


async def test_every_panel_has_something_to_draw(prometheus: str) -> None:
    queries = [
        target["expr"].replace("$__rate_interval", "10s").replace("$job", ".+")
        for path in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", [])
    ]
    async with aiohttp.ClientSession() as client:
        await scraped(client, prometheus)
        empty = [query for query in queries if not await ask(client, prometheus, query)]

    # What is filtered to the unusual is empty while nothing is.
    assert [query for query in empty if not query.endswith("> 0")] == []
