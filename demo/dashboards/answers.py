"""Asks every panel's queries over a span of time: a real Prometheus if one is installed, else the recording itself."""

import asyncio
import math
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Protocol

import aiohttp

from demo.dashboards.panels import Line, Panel
from demo.dashboards.queries import JOB, RATE_INTERVAL
from demo.dashboards.recording import Recording
from demo.launch import free_port
from service.clock import SystemClock

PATIENCE = 20.0


class Curve(NamedTuple):
    """One series: what it is called, its labels, and its values at the moments that were asked for; NaN for none."""

    name: str
    labels: Mapping[str, str]
    values: Sequence[float]


class Answers(Protocol):
    """Where answers come from; `of` says so in words."""

    of: str

    async def curves(self, line: Line, times: Sequence[float]) -> list[Curve]:
        """Return what a line shows at the given moments, Unix times at equal distances."""
        ...


class FromRecording:
    """Reckons by itself."""

    of = "the service's own metrics"

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    async def curves(self, line: Line, times: Sequence[float]) -> list[Curve]:
        """Return what a line shows at the given moments."""
        found: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for at, moment in enumerate(times):
            for labels, value in line.query.answer(self._recording.view(moment)).items():
                found.setdefault(labels, [math.nan] * len(times))[at] = value
        return [_curve(line, dict(labels), values) for labels, values in found.items()]


class FromPrometheus:
    """Asks Prometheus.

    Parameters
    ----------
    session, url
        How to reach it.
    interval
        What Grafana would put in place of its interval for rates, in seconds.
    """

    of = "Prometheus"

    def __init__(self, session: aiohttp.ClientSession, url: str, interval: float) -> None:
        self._session = session
        self._url = url
        self._interval = f"{math.ceil(interval)}s"

    async def curves(self, line: Line, times: Sequence[float]) -> list[Curve]:
        """Return what a line shows at the given moments.

        Raises
        ------
        ValueError
            Prometheus does not understand the query.
        """
        step = times[1] - times[0]
        query = line.query.promql().replace(RATE_INTERVAL, self._interval).replace(JOB, 'job=~".+"')
        asked: dict[str, str | float] = {"query": query, "start": times[0], "end": times[-1], "step": step}
        async with self._session.get(f"{self._url}/api/v1/query_range", params=asked) as answer:
            body: dict[str, Any] = await answer.json()
        if body["status"] != "success":
            raise ValueError(f"{query}: {body['error']}")
        curves = []
        for series in body["data"]["result"]:
            values = [math.nan] * len(times)
            for moment, value in series["values"]:
                values[min(len(times) - 1, round((moment - times[0]) / step))] = float(value)
            curves.append(_curve(line, series["metric"], values))
        return curves


@asynccontextmanager
async def answers(recording: Recording) -> AsyncIterator[Answers]:
    """Give the best answers that there are on this machine: the recording, loaded into a Prometheus, or by itself."""
    async with AsyncExitStack() as stack:
        found: Answers = FromRecording(recording)
        if shutil.which("prometheus") and shutil.which("promtool"):
            # Another version of either may not do what is asked of it here; the demo has its pictures all the same.
            with suppress(subprocess.CalledProcessError, TimeoutError):
                found = await _loaded(recording, stack)
        yield found


async def _loaded(recording: Recording, stack: AsyncExitStack) -> FromPrometheus:
    name = stack.enter_context(TemporaryDirectory(prefix="unwonted-prometheus-", ignore_cleanup_errors=True))
    await asyncio.to_thread(_fill, recording, Path(name))
    url = await stack.enter_async_context(_prometheus(Path(name), recording.interval))
    session = await stack.enter_async_context(aiohttp.ClientSession())
    await _ready(session, url)
    return FromPrometheus(session, url, recording.interval)


def _fill(recording: Recording, folder: Path) -> None:
    looks = folder / "looks.txt"
    with looks.open("w", encoding="utf-8") as file:
        file.writelines(recording.open_metrics())
    # One block for weeks: with the default of two hours each, writing them takes most of the time.
    command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=1536h", "openmetrics", str(looks)]
    subprocess.run([*command, str(folder / "data")], check=True, capture_output=True)  # noqa: S603 - our own words
    (folder / "prometheus.yml").write_text("{}\n")


@asynccontextmanager
async def _prometheus(folder: Path, interval: float) -> AsyncIterator[str]:
    address = f"127.0.0.1:{free_port(0)}"
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",  # or it would delete what lies in the calendar's past
        f"--query.lookback-delta={math.ceil(interval)}s",
        f"--web.listen-address={address}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(session: aiohttp.ClientSession, url: str) -> None:
    clock = SystemClock()
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with session.get(f"{url}/-/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass  # it does not listen yet
            await clock.sleep(0.1)


def _curve(line: Line, labels: Mapping[str, str], values: Sequence[float]) -> Curve:
    return Curve(re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), line.name), labels, values)


def numbers(curves: Sequence[Curve]) -> Iterator[float]:
    """Yield every value that is one."""
    return (value for curve in curves for value in curve.values if math.isfinite(value))


async def panel_curves(source: Answers, panel: Panel, times: Sequence[float]) -> list[Curve]:
    """Return what a panel shows."""
    return [curve for line in panel.lines for curve in await source.curves(line, times)]
