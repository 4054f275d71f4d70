"""The service as a process of its own: its configuration, its start, what its metrics say, its end.

What it is given to read, and at which pace its calendar runs, is decided by whoever launches it.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from demo.compressed import Stretch
from demo.receiver import Receiver
from service.clock import SystemClock
from service.monitoring.metrics import Metrics
from service.settings import Settings
from service.wiring import detectors_off

ROOT = Path(__file__).parents[1]
MUST_ALERT = ("rare_action", "rare_failure")
CONFIGURATION = "unwonted.yaml"
SINKS = ("slack", "teams", "webhook")


class Ports(NamedTuple):
    """Where the service listens."""

    metrics: int
    console: int


class ServiceEnded(Exception):  # noqa: N818 - it says what happened
    """The service has ended before it was asked to; the text is the end of its log."""


class Scrape:
    """One look at /metrics.

    Attributes
    ----------
    families
        Names of the families that have at least one series.
    text
        The whole of it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        found = list(text_string_to_metric_families(text))
        self.families = {family.name for family in found if family.samples}
        self._samples = [sample for family in found for sample in family.samples]

    def total(self, name: str) -> float:
        """Return the sum over all series of `name`; 0 if there are none."""
        return sum(sample.value for sample in self._samples if sample.name == name)

    def missing(self) -> set[str]:
        """Return the families that the service should show, and does not."""
        registry = CollectorRegistry()
        Metrics(registry, detectors=MUST_ALERT, sinks=SINKS).describe(version="", python="", river="", config_hash="")
        return {family.name for family in text_string_to_metric_families(generate_latest(registry).decode())} - (
            self.families
        )


def free_port(preferred: int) -> int:
    """Return `preferred` if nobody listens there on this machine, else a port that the system chooses."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free on 127.0.0.1")


def thresholds(chosen: float | None) -> dict[str, float]:
    """Return the score from which each detector that is on alerts: the chosen one, or its default.

    >>> thresholds(40.0)["rare_action"], "unusual_city" in thresholds(40.0)
    (40.0, False)
    """
    settings = Settings()
    on = {name: one for name, one in settings.detectors.items() if one.enabled and name not in without_places()}
    return {name: one.threshold if chosen is None else chosen for name, one in on.items()}


def without_places() -> list[str]:
    """Return the detectors that are off because the demo has no geographic database."""
    return detectors_off(Settings(), None)


def emptied(folder: Path) -> Path:
    """Make a folder for one performance, without what an earlier one has left there, for its owner alone.

    Raises
    ------
    FileExistsError
        There is something else in it.
    """
    if folder.exists():
        if any(folder.iterdir()) and not (folder / CONFIGURATION).exists():
            raise FileExistsError(f"{folder}: is no folder of the demo: name another one with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    return folder.resolve()


def configuration(
    folder: Path, hub: str, receiver: Receiver, secret: str, ports: Ports, threshold: float | None
) -> Mapping[str, Any]:
    """Return what the service's YAML says: everything that is not here has its default, as in production."""
    return {
        # Idle partitions hold the watermark back until the next probe, and minutes of the calendar are milliseconds.
        "event_hub": {"connection_string": hub, "consumer_group": "unwonted", "probe_every": "1s"},
        "snapshots": {"path": str(folder / "state"), "every": "10s"},
        "detectors": {name: {"threshold": one} for name, one in thresholds(threshold).items() if threshold is not None},
        "sinks": {
            "stdout": {"kind": "stdout", "enabled": False},
            "teams": {"kind": "teams", "url": receiver.teams_url, "allow_loopback": True},
            "slack": {"kind": "slack", "url": receiver.slack_url, "allow_loopback": True},
            "webhook": {"kind": "webhook", "url": receiver.webhook_url, "allow_private": True, "secrets": [secret]},
        },
        "dead_letter": {"path": str(folder / "dead-letter.ndjson")},
        "http": {"host": "127.0.0.1", "port": ports.metrics},
        "console": {
            "enabled": True,
            "port": ports.console,
            "public_url": f"http://127.0.0.1:{ports.console}",
            "token_file": str(folder / "console-token"),
        },
        "log": {"format": "json"},
    }


class ServiceProcess:
    """The service, from entering to leaving.

    Parameters
    ----------
    folder
        For its configuration, its state and its log; nobody else should be able to read it.
    config
        What its YAML says.
    moment
        What its calendar says until `pace` is called; aware UTC.

    Attributes
    ----------
    judged
        File of what it thinks of each operation from that moment on.
    metrics_url, console_url
        Where its metrics and its console are.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], moment: datetime) -> None:
        self._folder = folder
        self._config = config
        self._moment = moment
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self.judged = folder / "judged.ndjson"
        self.metrics_url = f"http://127.0.0.1:{config['http']['port']}/metrics"
        self.console_url = f"http://127.0.0.1:{config['console']['port']}"
        self._token_file = Path(config["console"]["token_file"])

    async def __aenter__(self) -> Self:
        path = self._folder / CONFIGURATION
        path.write_text(yaml.safe_dump(self._config))
        options = {"config": path, "moment": self._moment.isoformat(), "judged": self.judged}
        arguments = ["-m", "demo.compressed", *(f"--{name}={value}" for name, value in options.items())]
        with (self._folder / "service.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                cwd=ROOT,
                env={name: value for name, value in os.environ.items() if not name.startswith("UNWONTED_")},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which then ends the service in order
            )
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if self._session is not None:
            await self._session.close()

    @property
    def entrance(self) -> str:
        """Address that lets somebody into the console, once."""
        return f"{self.console_url}/enter?token={self._token_file.read_text().strip()}"

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid if self._process else 0

    def pace(self, stretch: Stretch) -> None:
        """Tell the service how its calendar runs from now on."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(stretch.line().encode())

    async def scrape(self) -> Scrape | None:
        """Look at its metrics; None while it does not answer yet.

        Raises
        ------
        ServiceEnded
            It will not answer any more.
        """
        if self._process is None or self._session is None or self._process.returncode is not None:
            raise ServiceEnded(self._last_words())
        try:
            async with self._session.get(self.metrics_url) as answer:
                return Scrape(await answer.text())
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def stop(self) -> int:
        """Ask it to end, wait until it has, and return its exit code; kill it after 20 seconds."""
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            killer = asyncio.create_task(_kill_later(process))
            await process.wait()
            killer.cancel()
        return process.returncode if process.returncode is not None else -1

    def _last_words(self) -> str:
        log = self._folder / "service.log"
        return "\n".join(log.read_text().splitlines()[-12:]) if log.exists() else "it has left no log"


async def _kill_later(process: asyncio.subprocess.Process) -> None:
    await SystemClock().sleep(20.0)
    process.kill()
