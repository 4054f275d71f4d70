"""What the operators' page says is what the code does: its metrics and log lines exist, and none is missing."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from service.monitoring.metrics.recorder import Metrics
from tests.docs.pages import text_of

ROOT = Path(__file__).parents[2]
SUFFIXES = {"counter": "_total", "info": "_info"}


def test_the_operators_page_lists_every_metric_with_its_help_text_and_no_other() -> None:
    registry = CollectorRegistry()
    Metrics(registry, detectors=("rare_action",), sinks=("teams",))
    exist = {family.name + SUFFIXES.get(family.type, ""): family.documentation for family in registry.collect()}
    exist = {name: meaning for name, meaning in exist.items() if name.startswith("unwonted_")}
    rows = re.findall(r"^\| `(unwonted_\w+)` \|[^|]*\| (.*) \|$", text_of("docs/operators.md"), re.MULTILINE)
    assert dict(rows) == exist


def test_the_operators_page_names_only_log_events_that_exist() -> None:
    section = text_of("docs/operators.md").partition("## Logs")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `([a-z_]+)`", section, re.MULTILINE))
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "service").rglob("*.py"))
    unknown = {name for name in named if name not in said and not name.startswith("snapshot_")}
    assert named
    assert unknown == set()


def test_the_operators_page_explains_every_warning_and_error_in_the_log() -> None:
    explained = text_of("docs/operators.md").partition("## Logs")[2].partition("\n## ")[0]
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "service").rglob("*.py"))
    events = set(re.findall(r"\.(?:warning|error|exception|critical)\(\s*\"([a-z_]+)\"", said))
    assert {"sink_broken", "ended", "records_rejected"} <= events
    assert {event for event in events if f"`{event}`" not in explained} == set()
