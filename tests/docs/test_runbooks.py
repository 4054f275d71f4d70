"""Each alert rule has its page, each page its rule, and what a page tells people to type exists."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from prometheus_client import CollectorRegistry

from service.cli.commands import main
from service.monitoring.http import PROBES
from service.monitoring.metrics.recorder import Metrics

ROOT = Path(__file__).parents[2]
RULES = ROOT / "config" / "prometheus"
PAGES = sorted(path for path in (ROOT / "docs" / "runbooks").glob("*.md") if path.name != "README.md")
TOOLS = {"az", "curl", "df", "kubectl", "promtool", "tail", "unwonted"}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@cache
def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load((RULES / name).read_text())["groups"] for rule in group["rules"]]


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def refuse(text: str) -> None:
    """Raise what click raises if `unwonted` would not take the words after its name."""
    context, command = click.Context(main), main
    words = shlex.split(text)[1:]
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        context, command = click.Context(found, parent=context), found  # type: ignore[assignment]
    command.make_context(context.info_name, words, resilient_parsing=False)


def test_every_rule_has_its_page_and_every_page_its_rule() -> None:
    wanted = {rule["annotations"]["runbook_url"].rpartition("/docs/runbooks/")[2] for rule in rules("alerts.yml")}

    assert {page.name for page in PAGES} == wanted


def test_the_list_of_pages_names_each_rule_with_its_severities() -> None:
    listed = (ROOT / "docs/runbooks/README.md").read_text(encoding="utf-8")
    for rule in rules("alerts.yml"):
        (row,) = re.findall(rf"^\| \[{rule['alert']}\]\(.*$", listed, re.MULTILINE)
        assert rule["labels"]["severity"] in row


@every_page
def test_a_page_says_what_it_means_what_to_look_at_how_to_fix_it_and_how_to_tell(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    titles = ["What it means", "What to look at", "How to fix it", "How to tell that it is fixed"]
    (about,) = {r["alert"] for r in rules("alerts.yml") if r["annotations"]["runbook_url"].endswith(f"/{page.name}")}

    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == titles
    assert text.startswith(f"# {about}\n")
    look, fixed = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert look.strip()
    assert fixed.strip()


@every_page
def test_every_command_on_a_page_is_one_that_people_have(page: Path) -> None:
    for command in commands(page):
        assert shlex.split(command)[0] in TOOLS, command
        if command.startswith("curl"):
            (path,) = re.findall(r"localhost:8080(/\S*)", command)
            assert path in {*PROBES, "/metrics"}, command


@every_page
def test_every_use_of_unwonted_on_a_page_is_understood_by_it(page: Path) -> None:
    inline = re.findall(r"`(unwonted [^`…]*)`", page.read_text(encoding="utf-8"))
    for text in {*inline, *(command for command in commands(page) if command.startswith("unwonted"))}:
        if text.strip() == "unwonted replay":  # named, not to be typed as it stands
            continue
        refuse(text)


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    for wrong in ("unwonted state export", "unwonted budget --confg x", "unwonted look"):
        with pytest.raises(click.UsageError):
            refuse(wrong)


def series() -> set[str]:
    """The full names of all series, recorded ones included."""
    registry = CollectorRegistry()
    Metrics(registry, detectors=("rare_action",), sinks=("soc",), identity_limit=1)
    names = {rule["record"] for rule in rules("recording.yml")}
    for family in registry.collect():
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        names |= {family.name + ending for ending in endings}
    return names


def test_every_metric_that_a_page_greps_or_asks_for_exists() -> None:
    exist = series()
    for page in PAGES:
        named = set(re.findall(r"\b((?:unwonted|process)[_:][a-z0-9_:]+)", "\n".join(commands(page))))
        assert [name for name in named if not any(one.startswith(name) for one in exist)] == [], page.name


def test_every_log_event_that_a_page_looks_for_is_said_somewhere() -> None:
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "service").rglob("*.py"))
    put_together = {"snapshot_failed"}  # of a word and an outcome, in service.telemetry.logs
    for page in PAGES:
        events = re.findall(r"grep ([a-z]+(?:_[a-z]+)+)$", "\n".join(commands(page)), re.MULTILINE)
        assert [event for event in events if f'"{event}"' not in said and event not in put_together] == [], page.name
