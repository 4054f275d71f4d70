"""What the pages say is what the code does: links lead somewhere; metrics, log lines and commands exist."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from service.cli import main
from service.metrics import Metrics

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SUFFIXES = {"counter": "_total", "info": "_info"}


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    relative = [link for link in links if "://" not in link]
    assert [link for link in relative if not (page.parent / link).exists()] == []


def test_the_operators_page_lists_every_metric_and_no_other() -> None:
    registry = CollectorRegistry()
    Metrics(registry, detectors=("rare_action",), sinks=("teams",))
    exist = {family.name + SUFFIXES.get(family.type, "") for family in registry.collect()}
    exist = {name for name in exist if name.startswith("unwonted_")}
    assert set(re.findall(r"^\| `(unwonted_\w+)`", text_of("docs/operators.md"), re.MULTILINE)) == exist


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


@pytest.mark.parametrize("page", ["README.md", "docs/operators.md"])
def test_every_unwonted_command_in_a_page_exists(page: str) -> None:
    commands = set(re.findall(r"^unwonted ([a-z-]+)", text_of(page), re.MULTILINE))
    assert commands <= set(main.commands)
