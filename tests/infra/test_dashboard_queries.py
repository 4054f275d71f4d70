"""The demo, watched by a real Prometheus with our rules: every panel has something to draw, every command an answer."""

import asyncio
import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp.test_utils import unused_port
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from service.clock import SystemClock
from tests.demo.output import read_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus (Debian: prometheus) is absent"),
]

ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / "config" / "grafana" / "dashboards").glob("*.json"))
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
SMALL = "--seed 24 --identities 30 --history 10 --live 1 --tick 0.06 --attacks 3 --threshold 30 --page-port 0 --keep"
RUNNABLE = ("curl ", "unwonted ", "promtool ")
CLOCK = SystemClock()


@asynccontextmanager
async def running(*command: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()


def configure(folder: Path, service: int) -> None:
    """Write Prometheus' configuration: our rules, evaluated each second instead of twice a minute."""
    for name in ("recording.yml", "alerts.yml"):
        text = (ROOT / "config" / "prometheus" / name).read_text()
        (folder / name).write_text(re.sub(r"^ +interval: .*\n", "", text, flags=re.MULTILINE))
    scrape = {"job_name": "unwonted", "static_configs": [{"targets": [f"127.0.0.1:{service}"]}]}
    pace = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config = {"global": pace, "rule_files": ["recording.yml", "alerts.yml"], "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))


async def ask(client: aiohttp.ClientSession, prometheus: str, expression: str) -> list[float]:
    async with client.get(f"{prometheus}/api/v1/query", params={"query": expression}) as answer:
        body = await answer.json()
    assert body["status"] == "success", (expression, body)
    values = [float(one["value"][1]) for one in body["data"]["result"]]
    return [value for value in values if not math.isnan(value)]


async def until(client: aiohttp.ClientSession, prometheus: str, expression: str) -> None:
    """Return when an expression has an answer."""
    async with asyncio.timeout(90):
        while True:
            with suppress(aiohttp.ClientConnectionError):  # it may not listen yet
                if await ask(client, prometheus, expression):
                    return
            await CLOCK.sleep(0.3)


async def send_what_nobody_can_read(hub_port: str) -> None:
    """The one thing that a well-behaved tenant does not show: records that are not understood."""
    address = (
        f"Endpoint=sb://127.0.0.1:{hub_port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=embedded-hub-key;UseDevelopmentEmulator=true;EntityPath=insights-activity-logs"
    )
    async with EventHubProducerClient.from_connection_string(address) as producer:
        await producer.send_batch([EventData(b"no JSON"), EventData(b'{"records":[{"time":1}]}')], partition_id="0")


def queries() -> list[str]:
    return [
        target["expr"].replace("$__rate_interval", "5m").replace("$job", ".+")
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", [])
    ]


def commands_of_the_runbooks(service: int, prometheus: str) -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in RUNBOOKS)
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    # A sample alert would change what the other commands see.
    found = {line for line in blocks.splitlines() if line.startswith(RUNNABLE) and "send-test" not in line}
    return {
        line.replace("localhost:8080", f"127.0.0.1:{service}").replace("http://localhost:9090", prometheus)
        for line in found
    }


def configuration_in(folder: Path) -> Path:
    """Return the configuration that the demo wrote for its service."""
    return folder / "demo" / "unwonted.yaml"


async def failures(commands: set[str], config: Path) -> list[str]:
    """Run each as a shell would; return those that failed, with what they said."""
    wrapper = config.parent / "unwonted"
    wrapper.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {sys.executable} -m service "$@"\n')
    wrapper.chmod(0o755)
    environment = {**os.environ, "PATH": f"{config.parent}:{os.environ['PATH']}"}
    wrong = []
    for command in sorted(commands):
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", command], cwd=config.parent, env=environment, capture_output=True, text=True
        )
        # How many there are of what is listed is said beside the list, which may be empty.
        if done.returncode or not (done.stdout.strip() or done.stderr.strip()):
            wrong.append(f"{command}\n{done.stdout}{done.stderr}")
    return wrong


@pytest.mark.timeout(240)
async def test_under_the_demos_load_every_panel_rule_and_command_of_a_runbook_has_an_answer(tmp_path: Path) -> None:
    service, own = unused_port(), unused_port()
    url = f"http://127.0.0.1:{own}"
    configure(tmp_path, service)
    demo = [sys.executable, "-m", "demo", *SMALL.split(), "--metrics-port", str(service), "--console-port", "0"]
    demo += ["--folder", str(tmp_path / "demo"), "--pictures"]
    prometheus = ["prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'd'}"]
    quiet = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL}
    heard = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    async with (
        running(*prometheus, f"--web.listen-address=127.0.0.1:{own}", **quiet),
        running(*demo, str(tmp_path / "pictures"), cwd=ROOT, env=environment, **heard) as playing,
        aiohttp.ClientSession() as client,
    ):
        text = await read_until(playing, "Ctrl-C ends it all.")
        (hub,) = re.findall(r"on port (\d+)", text)
        await send_what_nobody_can_read(hub)
        await until(client, url, "sum(increase(unwonted_rejects_total[5m])) > 0")
        await until(client, url, "unwonted:rejects:share_1h > 0")

        assert [query for query in queries() if not await ask(client, url, query)] == []

        async with client.get(f"{url}/api/v1/rules") as answer:
            groups = (await answer.json())["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert [rule for rule in rules if rule["health"] != "ok"] == []
        recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
        assert [name for name in recorded if not await ask(client, url, name)] == []

        assert await failures(commands_of_the_runbooks(service, url), configuration_in(tmp_path)) == []
    for name in ("health", "detection", "coverage"):
        assert (tmp_path / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
