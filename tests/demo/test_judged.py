"""What the service thought of operations that nobody was told of: who writes it down, and who reads it."""

import io
from datetime import timedelta
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry

from demo.judged import Judged, Overheard, read_judged, write_judged
from models.detectors import Anomaly
from models.stream import Actor, ActorKind, Bucket, Cell
from service.monitoring import Health
from service.monitoring.metrics import Metrics
from service.telemetry import CellsJudged, LoopLagSampled, Telemetry
from tests.fakes.clock import MONDAY_MORNING

HOUR = timedelta(hours=1)
ANN = Actor("t/ann", "ann@contoso.com", ActorKind.HUMAN)


def anomaly(hour: int = 0) -> Anomaly:
    time = MONDAY_MORNING + hour * HOUR
    cell = Cell("a/write", "A/write", time, 1, 1, 0, 0)
    return Anomaly("rare_action", ANN, Bucket.of(time, HOUR), cell, 33.3, 1.0)


def judged(of: Anomaly) -> Judged:
    return Judged(of.actor.id, of.cell.action, of.detector, of.score, of.bucket.start, of.bucket.end)


def test_what_was_judged_is_read_as_it_was_written(tmp_path: Path) -> None:
    old, new = anomaly(), anomaly(hour=1)
    assert list(read_judged(tmp_path / "nothing.ndjson")) == []
    file = tmp_path / "judged.ndjson"
    with file.open("w") as stream:
        write_judged(stream, [old, new], since=old.bucket.end)
        assert list(read_judged(file)) == [judged(new)]


def test_whoever_listens_takes_nothing_from_the_others() -> None:
    registry, stream = CollectorRegistry(), io.StringIO()
    telemetry = Telemetry(Metrics(registry, detectors=("rare_action",)), Health())
    overheard = Overheard(telemetry, partial(write_judged, stream, since=MONDAY_MORNING - timedelta(days=1)))
    overheard.emit(CellsJudged([anomaly()]))
    overheard.emit(LoopLagSampled(0.01))
    assert len(stream.getvalue().splitlines()) == 1
    assert registry.get_sample_value("unwonted_event_loop_lag_seconds_count") == 1.0
    assert registry.get_sample_value("unwonted_cell_score_count", {"detector": "rare_action"}) == 1.0
