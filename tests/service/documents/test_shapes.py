"""The same records give the same operations and alerts in every shape, but for what a shape cannot carry.

When the table in docs/replay.md is not what is measured here, the failing test says what to put there.
"""

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from demo.tenant import Tenant, TenantPlan
from models.detectors import DETECTORS
from models.detectors.anomalies import Anomaly
from models.stream.events import ActivityEvent
from models.stream.operations import RecordResult
from service.core.alerting.alerts import Alert
from service.core.parsing.parser import ActivityLogParser
from service.documents.places import Problem, Trouble
from service.documents.reading import Reader
from service.documents.sources import find
from service.replay.replay import Replay, Summary
from service.settings.root import Settings
from service.wiring import build_engine
from tests.service.documents.shapes import SHAPES, Record, Shape

pytestmark = pytest.mark.integration  # seconds: two days of a tenant in every shape
PAGE = Path(__file__).parents[3] / "docs" / "replay.md"
SETTINGS = Settings.model_validate({"detectors": {name: {"threshold": 10} for name in DETECTORS}})
FIELDS = {
    "time": lambda event: event.time,
    "identity": lambda event: event.actor.id,
    "name": lambda event: event.actor.name,
    "kind of identity": lambda event: event.actor.kind,
    "operation": lambda event: event.action,
    "outcome": lambda event: event.outcome,
    "resource": lambda event: event.resource.lower(),
    "case of the resource": lambda event: event.resource,
    "subscription": lambda event: event.scope,
    "address": lambda event: event.address,
    "result word": lambda event: event.result,
    "correlation": lambda event: event.correlation,
}
SHOWN_ONLY = {"case of the resource", "result word"}
"""What alerts show and nothing is judged by."""


class Played(NamedTuple):
    """What a shape came to."""

    kinds: list[str]
    summary: Summary
    values: dict[str, Counter[Any]]
    judged: list[tuple[Any, ...]]
    problems: list[Problem]


def played(shape: Shape, records: list[Record], folder: Path) -> Played:
    folder.mkdir()
    shape.write(records, folder)
    problems: list[Problem] = []
    parser = ActivityLogParser()
    events: list[ActivityEvent] = []
    for batch in Reader(find([str(folder)]).sources, problems.append):
        for text in batch.texts:
            if text.strip():
                parsed = parser.parse(text)
                assert not parsed.rejects, (shape.name, parsed.rejects[0])
                events += parsed.events
    alerts: list[Alert] = []
    cells: list[tuple[Any, ...]] = []
    driver = Replay(
        build_engine(SETTINGS),
        every=timedelta(hours=1),
        on_scored=lambda scored: cells.extend(
            (one.detector, one.actor.id, one.cell.action, one.score) for one in scored
        ),
        on_alerts=alerts.extend,
        on_reject=lambda reject, place: None,
        on_read=lambda taken, total: None,
        run=200,
    )
    summary = driver.run(Reader(find([str(folder)]).sources, lambda problem: None))
    return Played(
        [one.kind for one in summary.contents],
        summary,
        {field: Counter(map(value, events)) for field, value in FIELDS.items()},
        [*cells, *map(brief, alerts)],
        problems,
    )


def judged(one: Anomaly) -> tuple[Any, ...]:
    return one.detector, one.actor.id, one.cell.action, one.score


def brief(alert: Alert) -> tuple[Any, ...]:
    """Return everything about an alert that does not only show something."""
    findings = [(one.id, one.time, one.score, one.why, one.attempts, one.failures) for one in alert.findings]
    return alert.id, alert.revision, alert.found_at, alert.score, alert.severity, findings


@pytest.fixture(scope="module")
def stretch() -> list[Record]:
    tenant = Tenant(TenantPlan(seed=5, identities=20, days=2, campaigns=1))
    return sorted((arrival.record for arrival in tenant.records()), key=lambda record: str(record["time"]))


@pytest.fixture(scope="module")
def results(stretch: list[Record], tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Shape, Played]]:
    folder = tmp_path_factory.mktemp("shapes")
    return [(shape, played(shape, stretch, folder / str(at))) for at, shape in enumerate(SHAPES)]


def lost(result: Played, plain: Played) -> list[str]:
    """Return what a shape does not carry; what follows from something else that is lost is not named."""
    found = [field for field in FIELDS if result.values[field] != plain.values[field]]
    return [field for field in found if field != "case of the resource" or "resource" not in found]


def table(results: list[tuple[Shape, Played]]) -> str:
    plain = results[0][1]
    rows = ["| shape | is called | does not carry | alerts |", "|---|---|---|---|"]
    for shape, result in results:
        missing = lost(result, plain)
        kinds = result.kinds[0] if len(result.kinds) == 1 else "each by its own name"
        same = "the same" if result.judged == plain.judged else "can differ"
        rows.append(f"| {shape.name} | {kinds} | {', '.join(missing)} | {same} |".replace("|  |", "| |"))
    return "\n".join(rows)


def test_every_shape_gives_the_same_operations_and_alerts(results: list[tuple[Shape, Played]]) -> None:
    plain = results[0][1]
    assert plain.summary.alerts > 1
    assert len({score for *_, score in plain.judged if isinstance(score, float)}) > 10
    for shape, result in results:
        missing = set(lost(result, plain))
        assert result.summary.rejects == 0, shape.name
        assert [one for one in result.problems if one.trouble not in {Trouble.EMPTY, Trouble.COLUMN_MISSING}] == []
        assert (result.summary.records, result.summary.left_out) == (plain.summary.records, plain.summary.left_out)
        if missing <= SHOWN_ONLY:
            assert (result.summary.results, result.judged) == (plain.summary.results, plain.judged), shape.name
        assert result.summary.results[RecordResult.OPERATION] == plain.summary.results[RecordResult.OPERATION], (
            shape.name
        )
        assert not missing & {"outcome", "resource", "subscription", "correlation"}, (shape.name, missing)


def test_the_page_says_what_was_measured(results: list[tuple[Shape, Played]]) -> None:
    measured = table(results)
    shown = re.search(r"<!-- shapes -->\n(.*?)\n<!-- end of shapes -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    assert shown[1] == measured, f"put this into {PAGE.name}:\n{measured}"
