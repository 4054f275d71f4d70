"""The service as its operators run it, in a process that can be killed, and a tenant that keeps it busy."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Self

import yaml

from demo.hub import EmbeddedHub
from service.clock import SystemClock
from tests.service.core.parsing.samples import MICROSOFT, XMLSOAP, human, message, record

ROOT = Path(__file__).parents[2]
LATENESS = 5.0
PEOPLE = 6
ENOUGH = 300
"""Operations that are done on the slowest machine: among them are always some that are unusual."""
COMPLAINTS = (
    "Task was destroyed",
    "Unclosed",
    "was never retrieved",
    "was never awaited",
    "Exception ignored",
    "Fatal Python error",
    "Traceback",
)
"""What Python and its libraries write when something was left open, or ended badly."""

clock = SystemClock()


class ServiceProcess:
    """One life of ``unwonted run``; its log goes on in one file from life to life, `piped` if its files are limited."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
        *,
        descriptors: int | None = None,
        piped: bool = False,
    ) -> None:
        self.log = folder / "service.log"
        self._piped = piped
        self._copying: asyncio.Future[None] | None = None
        self._limit = ("prlimit", f"--nofile={descriptors}") if descriptors else ()
        self._python = python
        self._environment = dict(environment or {})
        self._config = folder / "unwonted.yaml"
        self._config.write_text(yaml.safe_dump(dict(config)))
        self._process: asyncio.subprocess.Process | None = None
        self._began_at = 0

    async def start(self) -> Self:
        self._began_at = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            output = asyncio.subprocess.PIPE if self._piped else log
            self._process = await asyncio.create_subprocess_exec(
                *(*self._limit, self._python, "-m", "service", "run", "--config", str(self._config)),
                cwd=ROOT,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environment},
            )
        if self._process.stdout is not None:
            self._copying = asyncio.ensure_future(self._copy(self._process.stdout))
        return self

    async def _copy(self, output: asyncio.StreamReader) -> None:
        """Write the log for it, as a container's runtime does: what limits the files of the process leaves it alone."""
        with self.log.open("ab") as log:
            while data := await output.read(65_536):
                log.write(data)
                log.flush()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    @property
    def ended(self) -> bool:
        """Whether it has ended, by itself or not."""
        return self._process is not None and self._process.returncode is not None

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """End it without a word."""
        await self._end(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait until it ends by itself; returns its exit code."""
        assert self._process is not None
        code = await asyncio.wait_for(self._process.wait(), 60)
        if self._copying is not None:
            await self._copying
        return code

    async def terminate(self) -> int:
        """End it as an orchestrator would, which leaves nothing open; returns its exit code."""
        code = await self._end(signal.SIGTERM)
        complaints = [line for line in self._lines() if any(one in line for one in COMPLAINTS)]
        assert not complaints, complaints
        return code

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self.wait()

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of this life with that event."""
        # Who waits asks often, and the log grows long: what cannot be meant is not read as JSON.
        lines = [json.loads(line) for line in self._lines() if line.startswith("{") and event in line]
        return [line for line in lines if line.get("event") == event]

    def _lines(self) -> list[str]:
        with self.log.open(encoding="utf-8") as log:
            log.seek(self._began_at)
            return log.readlines()

    async def until_said(self, event: str) -> dict[str, Any]:
        """Wait for a line with that event."""
        async with asyncio.timeout(90):
            while not (found := self.said(event)):
                assert self._process is not None
                assert self._process.returncode is None, self.log.read_text()[-3000:]
                await clock.sleep(0.05)
        return found[-1]


class Office:
    """People with habits and, now and then, something that they have never done, sent to a hub as Azure sends it."""

    def __init__(self, hub: EmbeddedHub, seed: int) -> None:
        self.novelties = 0
        self._hub = hub
        self._rng = Random(seed)
        self._operations = 0
        self._due: list[tuple[float, dict[str, Any]]] = []

    async def work(self, until: asyncio.Event) -> None:
        """Go on until told to stop, and until enough has been done, then send what is left."""
        while not until.is_set() or self._operations < ENOUGH:
            self._do_something()
            self._send(clock.elapsed())
            await clock.sleep(self._rng.uniform(0.01, 0.08))
        self._send(float("inf"))

    def _do_something(self) -> None:
        rng = self._rng
        self._operations += 1
        person = rng.randrange(PEOPLE)
        action = f"Microsoft.Habit/thing{(person + rng.randrange(3)) % PEOPLE}/write"
        if rng.random() < 0.05:
            self.novelties += 1
            action = f"Microsoft.Novelty/thing{self.novelties}/action"
        # Late, but not too late: the service is told to allow for LATENESS.
        time = clock.now() - timedelta(seconds=rng.uniform(0.0, LATENESS / 3))
        outcomes = ["Start", "Failure" if rng.random() < 0.08 else "Success"]
        for number, outcome in enumerate(outcomes):
            one = record(
                human(
                    **{
                        MICROSOFT + "objectidentifier": f"bbbbbbbb-0000-4000-8000-{person:012}",
                        XMLSOAP + "upn": f"person{person}@contoso.example",
                        XMLSOAP + "name": f"person{person}@contoso.example",
                    }
                ),
                time=(time + timedelta(seconds=0.2 * number)).isoformat(),
                operationName=action,
                resultType=outcome,
                correlationId=f"cccccccc-0000-4000-8000-{self._operations:012}",
            )
            for _ in range(2 if rng.random() < 0.1 else 1):
                self._due.append((clock.elapsed() + rng.uniform(0.0, 1.0) + 0.2 * number, one))

    def _send(self, now: float) -> None:
        ready = [one for due, one in self._due if due <= now]
        self._due = [(due, one) for due, one in self._due if due > now]
        while ready:
            size = self._rng.randint(1, 4)
            self._hub.append(str(self._rng.randrange(2)), message(*ready[:size]))
            del ready[:size]


def configuration(hub: EmbeddedHub, **sections: Any) -> dict[str, Any]:
    """Return what YAML says: buckets of seconds, so that hours pass in a minute, and everything unusual is told."""
    return {
        "event_hub": {"connection_string": hub.connection_string, "consumer_group": "unwonted", "probe_every": "1s"},
        "windows": {"bucket": "5s", "lateness": f"{LATENESS:.0f}s"},
        "schedule": {"every": "1s", "window": "15s"},
        "detectors": {"rare_action": {"threshold": 1}, "rare_failure": {"threshold": 1}},
        "dead_letter": {"kind": "none"},
        "http": {"host": "127.0.0.1", "port": 0},
        "log": {"format": "json"},
        **sections,
    }
