"""The service and the history that it ships: a pod that ends leaves all of it, and the next has it again."""

from pathlib import Path

import pytest

from service.history.file import HistoryFile
from service.history.recorder import Gathering, Recorder
from service.history.retention import HistoryLimits
from service.history.shipping import Shipping
from tests.fakes.segments import FakeSegments
from tests.service.history.seen import contents
from tests.service.lives import HOUR, Life, World, living

LIMITS = HistoryLimits()


@pytest.mark.slow
@pytest.mark.measured
async def test_what_a_pod_has_written_until_its_end_another_one_without_its_disk_has_again(tmp_path: Path) -> None:
    world, store = World(), FakeSegments()
    paths = [tmp_path / name / "history.sqlite" for name in ("one", "two")]
    for path in paths:
        recorder = Recorder(HistoryFile(path, LIMITS), Gathering(gather=0.0))
        shipping = Shipping(path, store, recorder, LIMITS, world.clock)
        life = Life(world, history=recorder, shipping=shipping)
        async with living(life):
            life.feed("Microsoft.Web/sites/write")
            await life.pass_time(3 * HOUR)
            assert recorder.drain(30.0)
        recorder.close(30.0)
    first, second = (contents(path) for path in paths)
    assert len(first["hours"]) == 1
    assert len(second["hours"]) == 2
    assert len(second["alerts"]) >= len(first["alerts"]) > 0
    assert [row for row in first["hours"] if row in second["hours"]] == first["hours"]
