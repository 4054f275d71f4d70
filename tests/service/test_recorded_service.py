"""What a running service leaves to be read, across its ends, and that nothing which happens to it costs an alert."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.history.file import HistoryFile
from service.history.reading import History
from service.history.recorder import Gathering, Recorder
from service.history.retention import HistoryLimits
from service.history.schema import open_to_write
from tests.service.lives import HOUR, Life, World, living

pytestmark = [pytest.mark.slow, pytest.mark.measured]

DEADLINE = 60.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@pytest.fixture
def recorder(path: Path) -> Iterator[Recorder]:
    recorder = Recorder(HistoryFile(path, HistoryLimits(), busy=0.01), Gathering(again=0.01))
    yield recorder
    recorder.close(DEADLINE)


async def test_hours_alerts_deliveries_and_gaps_can_be_read(path: Path, recorder: Recorder) -> None:
    world = World()
    life = Life(world, history=recorder)
    async with living(life):
        life.feed("a/b/delete")
        await life.pass_time(4 * HOUR)
    assert recorder.drain(DEADLINE)
    with History(path) as history:
        [identity] = history.identities()
        [hour] = history.hours(identity.actor.id)
        assert [cell.action for cell in hour.seen.cells] == ["a/b/delete"]
        assert [one.detector for one in hour.anomalies] == ["first_time"]
        told = {one.id: one for one in world.alerts}
        assert {one.id: history.alert(one.id)[-1] for one in history.alerts()} == told
        [alert] = history.alerts()
        assert "sent" in {one.outcome for one in history.deliveries(alert.id)}


async def test_a_life_that_goes_on_from_a_snapshot_leaves_one_history(path: Path, recorder: Recorder) -> None:
    world = World()
    first = Life(world, history=recorder)
    async with living(first):
        first.feed("a/b/delete")
        await first.pass_time(HOUR)
    second = Life(world, history=recorder)
    async with living(second):
        second.feed("c/d/write")
        await second.pass_time(4 * HOUR)
    assert recorder.drain(DEADLINE)
    with History(path) as history:
        assert [cell.action for hours in history.closed() for hour in hours for cell in hour.seen.cells] == [
            "a/b/delete",
            "c/d/write",
        ]


def harm(path: Path, trouble: str) -> sqlite3.Connection | None:
    match trouble:
        case "locked":
            holding = open_to_write(path)
            holding.execute("BEGIN EXCLUSIVE")
            return holding
        case "removed":
            path.unlink()
        case "damaged":
            path.write_bytes(b"\xff" * 50_000)
        case _:
            path.unlink()
            path.mkdir()
    return None


@pytest.mark.parametrize("trouble", ["locked", "removed", "damaged", "folder"])
async def test_whatever_happens_to_the_file_every_alert_is_told(path: Path, recorder: Recorder, trouble: str) -> None:
    world = World()
    life = Life(world, history=recorder)
    with capture_logs() as logs:
        async with living(life):
            life.feed("a/b/delete")
            await life.pass_time(HOUR)
            assert await asyncio.to_thread(recorder.drain, DEADLINE)
            holding = harm(path, trouble)
            life.feed("c/d/write")
            await life.pass_time(4 * HOUR)
    if holding is not None:
        holding.close()
    assert world.actions() == ["a/b/delete", "c/d/write"]
    about = [line["event"] for line in logs if line["event"].startswith("history")]
    assert len(about) == len(set(about))
