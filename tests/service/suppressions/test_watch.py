"""The file is looked at: another content is taken once it stands still, a bad one never, and it is all said."""

import asyncio
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from service.core.alerting.suppressions import Suppressions, UnusableSuppressions
from service.monitoring.http import Health
from service.monitoring.metrics.recorder import Metrics
from service.suppressions.file import read_suppressions
from service.suppressions.watch import SuppressionWatch
from service.telemetry.telemetry import Telemetry
from service.waiting import OneAside
from tests.fakes.clock import MONDAY_MORNING, FakeClock


def text(*actors: str, until: str = "2026-12-02T09:00:00Z") -> str:
    return "suppressions:\n" + "".join(
        f"- {{actor: {actor}, from: 2026-11-02T09:00:00Z, until: {until}, reason: x, owner: y, learn: true}}\n"
        for actor in actors or ("ann",)
    )


class Watched:
    """A file, who watches it, and what is known of it outside."""

    def __init__(self, path: Path) -> None:
        self.clock = FakeClock()
        self.health = Health()
        self.registry = CollectorRegistry()
        self.telemetry = Telemetry(Metrics(self.registry), self.health)
        self.watch = SuppressionWatch(path, 5.0, self.clock, self._read, self.telemetry.emit)

    def _read(self, data: bytes, now: datetime) -> Suppressions:
        return Suppressions(read_suppressions(data, "s.yaml", now))

    def look(self, times: int = 2) -> list[str]:
        news = []
        for _ in range(times):
            looked = self.watch.look()
            self.telemetry.emit(looked)
            news.append(str(looked.news))
        return news

    def actors(self) -> list[str]:
        return [one.actor for one in self.watch.suppressions.entries]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"unwonted_suppressions{name}", labels)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "suppressions.yaml"
    path.write_text(text("ann"))
    return path


def test_a_change_counts_once_two_looks_have_found_the_same(file: Path) -> None:
    watched = Watched(file)
    assert watched.look() == ["none", "none"]
    file.write_text(text("bob"))
    assert watched.look(1) == ["none"]
    file.write_text(text("bob", "cid"))
    assert watched.look(1) == ["none"]
    assert watched.actors() == ["ann"]
    assert watched.look(2) == ["loaded", "none"]
    assert watched.actors() == ["bob", "cid"]


def test_a_config_map_that_is_swapped_by_its_link_is_a_change(tmp_path: Path) -> None:
    for number, actor in enumerate(("ann", "bob")):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "s.yaml").write_text(text(actor))
    (tmp_path / "..data").symlink_to("..0")
    (tmp_path / "s.yaml").symlink_to("..data/s.yaml")
    watched = Watched(tmp_path / "s.yaml")
    (tmp_path / "..data_tmp").symlink_to("..1")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    assert watched.look() == ["none", "loaded"]
    assert watched.actors() == ["bob"]


@pytest.mark.parametrize("bad", ["", "suppressions: [", text("bob") + "- 5", text("'*'")])
def test_a_broken_file_keeps_the_last_good_one_and_says_so_once(file: Path, bad: str) -> None:
    watched = Watched(file)
    file.write_text(bad)
    with capture_logs() as logs:
        assert watched.look(4) == ["none", "refused", "none", "none"]
    assert watched.actors() == ["ann"]
    [line] = [one for one in logs if one["event"] == "suppressions_refused"]
    assert line["log_level"] == "error"
    assert all(problem.startswith("s.yaml: ") for problem in line["problems"])
    assert watched.metric("_file_broken") == 1
    assert watched.metric("_reloads_total", result="refused") == 1
    assert "last good one is in force" in watched.health.result("ready").notes["suppressions"]
    file.write_text(text("ann"))
    assert watched.look() == ["none", "loaded"]
    assert (watched.metric("_file_broken"), watched.health.result("ready").notes) == (0, {})


def test_a_file_that_is_taken_away_keeps_the_last_good_one(file: Path) -> None:
    watched = Watched(file)
    file.unlink()
    with capture_logs() as logs:
        assert watched.look() == ["none", "refused"]
    assert "cannot be read: No such file or directory" in logs[0]["problems"][0]
    assert watched.actors() == ["ann"]


@pytest.mark.parametrize("content", [None, "suppressions: {}"])
def test_at_the_start_a_file_that_cannot_be_used_is_an_error(file: Path, content: str | None) -> None:
    file.unlink()
    if content is not None:
        file.write_text(content)
    with pytest.raises(UnusableSuppressions):
        Watched(file)


def test_what_ends_soon_and_what_has_ended_is_said_once_and_counted(file: Path) -> None:
    watched = Watched(file)

    def after(days: float) -> tuple[list[str], list[float | None]]:
        watched.clock.set(MONDAY_MORNING + timedelta(days=days))
        with capture_logs() as logs:
            watched.look()
        stages = [watched.metric("", stage=stage) for stage in ("planned", "in_force", "ending", "expired")]
        return [f"{one['log_level']} {one['event']}" for one in logs], stages

    assert after(1) == ([], [0, 1, 0, 0])
    assert after(27) == (["warning suppression_ending"], [0, 0, 1, 0])
    assert after(28) == ([], [0, 0, 1, 0])
    assert after(30) == (["warning suppression_expired"], [0, 0, 0, 1])
    assert after(31) == ([], [0, 0, 0, 1])


async def test_it_looks_every_few_seconds_and_tells_whoever_puts_it_in_force(file: Path) -> None:
    watched = Watched(file)
    applied: list[Suppressions] = []

    async def apply(suppressions: Suppressions) -> None:
        applied.append(suppressions)

    running = asyncio.ensure_future(watched.watch.run(apply))
    await watched.clock.advance(60.0)
    assert watched.metric("_reloads_total", result="loaded") == 1
    file.write_text(text("bob"))  # noqa: ASYNC240 - the loop has nothing else to do
    await watched.clock.advance(10.0)
    running.cancel()
    assert [[one.actor for one in suppressions.entries] for suppressions in applied] == [["bob"]]
    assert watched.metric("_reloads_total", result="loaded") == 2


@pytest.mark.usefixtures("hangs_on_purpose")
async def test_a_file_system_that_hangs_is_a_file_that_cannot_be_read(file: Path) -> None:
    watched = Watched(file)
    watched.watch._aside = OneAside(0.01)
    applied: list[Suppressions] = []

    async def apply(suppressions: Suppressions) -> None:
        applied.append(suppressions)

    running = asyncio.ensure_future(watched.watch.run(apply))
    file.unlink()  # noqa: ASYNC240 - the loop has nothing else to do
    os.mkfifo(file)  # hangs until somebody writes to it
    await watched.clock.advance(20.0)
    running.cancel()
    assert not applied
    assert "suppressions" in watched.health.result("ready").notes
    assert watched.metric("_reloads_total", result="refused") == 1
    file.write_bytes(b"")  # noqa: ASYNC240 - which lets the thread go
