"""Each alert rule, by promtool: it fires for the deployment that is ill, and not for the one that is nearly so."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.alert_rule_cases import (
    BROKEN,
    BUILD,
    CALM,
    CASES,
    DAILY,
    EVALUATED,
    ON_TIME,
    RARELY,
    SENT,
    START,
    WAITING,
    WORKS,
    Case,
)

ROOT = Path(__file__).parents[2]
RULES = ROOT / "config" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((RULES / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is absent")


OBJECTIVES = [
    Case(f"Unwonted{name}BudgetBurning", severity, {metric: ill}, tuple({metric: one} for one in well), at)
    for name, metric in (("Detection", ON_TIME), ("Delivery", WORKS))
    for severity, ill, well, at in (
        ("critical", "1x311 0x20", CALM, "325m"),
        ("critical", "1x200 0x40 1x60 0x3 1x22", CALM, "325m"),
        ("warning", DAILY, RARELY, "4300m"),
    )
]


def series(case: Case) -> list[dict[str, str]]:
    return [
        {"series": f'{name}{{job="{job}",instance="{job}:8080"{"," + labels if brace else "}"}', "values": values}
        for job, told in {"ill": case.ill, **{f"well-{at}": one for at, one in enumerate(case.well)}}.items()
        for key, values in told.items()
        for name, brace, labels in [key.partition("{")]
    ]


def firing(alert: str, severity: str) -> str:
    return f'count by (job) (ALERTS{{alertname="{alert}",severity="{severity}",alertstate="firing"}})'


def promtool(folder: Path, tests: list[dict[str, Any]], *, groups: str, every: str = "1m") -> tuple[int, str]:
    """Run tests on the groups of rules whose names match."""
    rules, order = [], []
    for name in ("recording.yml", "alerts.yml"):
        known = yaml.safe_load((RULES / name).read_text())["groups"]
        chosen = [group for group in known if re.fullmatch(groups, group["name"])]
        (folder / name).write_text(yaml.safe_dump({"groups": chosen}))
        rules.append(name)
        order += [group["name"] for group in chosen]
    file = folder / "tests.yml"
    # Without an order promtool draws one by lot, and a rule may see what another recorded an evaluation late.
    whole = {"rule_files": rules, "evaluation_interval": every, "group_eval_order": order, "tests": tests}
    file.write_text(yaml.safe_dump(whole))
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def questions(cases: list[Case]) -> list[dict[str, Any]]:
    return [
        {
            "name": f"{case.alert} {case.severity}",
            "interval": "1m",
            "input_series": series(case),
            "promql_expr_test": [
                {
                    "expr": firing(case.alert, case.severity),
                    "eval_time": case.at,
                    "exp_samples": [{"labels": '{job="ill"}', "value": 1}],
                }
            ],
        }
        for case in cases
    ]


def test_every_rule_has_its_case() -> None:
    tested = {(case.alert, case.severity) for case in CASES + OBJECTIVES}

    assert tested == {(rule["alert"], rule["labels"]["severity"]) for rule in ALERTS}


@pytest.mark.integration
@needs_promtool
def test_every_rule_fires_for_what_is_ill_and_for_nothing_else(tmp_path: Path) -> None:
    code, said = promtool(tmp_path, questions(CASES), groups="unwonted-(shares|alive|input|decisions|delivery|beside)")

    assert code == 0, said


@pytest.mark.integration
@needs_promtool
def test_an_objective_at_risk_calls_somebody_and_a_bad_minute_does_not(tmp_path: Path) -> None:
    code, said = promtool(tmp_path, questions(OBJECTIVES), groups="unwonted-(error-ratios|objectives)", every="5m")

    assert code == 0, said


MOMENTS = {
    "healthy": ("60m", 1),
    "evaluates no more": ("90m", 0),
    "just started over": ("95m", 1),
    "is down": ("130m", 0),
}


@needs_promtool
def test_a_minute_counts_as_on_time_while_time_is_complete_and_decisions_are_made(tmp_path: Path) -> None:
    labels = '{job="soc",instance="a"}'
    told = {
        BUILD: "1x120 stale",
        START: "0x94 5640x26 stale",
        EVALUATED: "0+60x60 3600x34 5700+60x25 stale",
        "unwonted_watermark_timestamp_seconds": "0+60x120 stale",
    }
    test = {
        "interval": "1m",
        "input_series": [{"series": name + labels, "values": values} for name, values in told.items()],
        "promql_expr_test": [
            {"expr": f"sum({ON_TIME})", "eval_time": at, "exp_samples": [{"labels": "{}", "value": value}]}
            for at, value in MOMENTS.values()
        ],
    }
    code, said = promtool(tmp_path, [test], groups="unwonted-service-levels")

    assert code == 0, said


@needs_promtool
def test_a_minute_counts_as_delivering_unless_what_waits_does_not_get_through(tmp_path: Path) -> None:
    told = {
        "idle": {WAITING: "0x60", SENT: "5x60", BROKEN: "0x60"},
        "busy": {WAITING: "3x60", SENT: "0+1x60", BROKEN: "0x60"},
        "stuck": {WAITING: "3x60", SENT: "5x60", BROKEN: "0x60"},
        "refused": {WAITING: "0x60", SENT: "5x60", BROKEN: "1x60"},
    }
    test = {
        "interval": "1m",
        "input_series": [
            {"series": key.replace("{", f'{{job="{job}",'), "values": values}
            for job, one in told.items()
            for key, values in one.items()
        ],
        "promql_expr_test": [
            {
                "expr": f"sum by (job) (unwonted:delivery_works:bool) == {value}",
                "eval_time": "50m",
                "exp_samples": [{"labels": f'{{job="{job}"}}', "value": value} for job in jobs],
            }
            for value, jobs in ((1, ("idle", "busy")), (0, ("stuck", "refused")))
        ],
    }
    code, said = promtool(tmp_path, [test], groups="unwonted-service-levels")

    assert code == 0, said


@needs_promtool
def test_a_service_that_was_never_there_is_down_too(tmp_path: Path) -> None:
    expected = [{"labels": "{}", "value": 1}]
    question = {"expr": firing("UnwontedDown", "critical"), "eval_time": "10m", "exp_samples": expected}
    other = {"series": 'up{job="other"}', "values": "1x20"}
    test = {"interval": "1m", "input_series": [other], "promql_expr_test": [question]}

    code, said = promtool(tmp_path, [test], groups="unwonted-alive")

    assert code == 0, said


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_every_rule_says_in_plain_words_what_is_wrong_and_where_to_read_on(rule: dict[str, Any]) -> None:
    said = rule["annotations"]

    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert 10 < len(said["summary"]) < 90
    assert said["description"].endswith(".")
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", rule["alert"].removeprefix("Unwonted")).lower()
    assert said["runbook_url"] == f"https://example.com/unwonted/docs/runbooks/{name}.md"
