"""Each alert rule, by promtool: it fires for the deployment that is ill, and not for the one that is nearly so."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "config" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((RULES / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
BUILD = "unwonted_build_info"
START = "process_start_time_seconds"
EVALUATED = "unwonted_evaluation_last_success_timestamp_seconds"
SENT = 'unwonted_deliveries_total{sink="soc",result="sent"}'
RETRIED = 'unwonted_deliveries_total{sink="soc",result="retry"}'
WAITING = 'unwonted_outbox_messages{sink="soc"}'
BROKEN = 'unwonted_sink_broken{sink="soc"}'

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is absent")


class Case(NamedTuple):
    """One rule: the series of a deployment that is ill, and of others that nearly are, by the minute; when to look."""

    alert: str
    severity: str
    ill: dict[str, str]
    well: tuple[dict[str, str], ...]
    at: str


def delays(in_time: float, all_of_them: float) -> dict[str, str]:
    name = "unwonted_arrival_delay_seconds"
    return {
        f'{name}_bucket{{le="1800.0"}}': f"0+{in_time}x200",
        f'{name}_bucket{{le="+Inf"}}': f"0+{all_of_them}x200",
        f"{name}_count": f"0+{all_of_them}x200",
        "unwonted_records_total": f"0+{all_of_them}x200",
    }


def lags(within_a_second: int) -> dict[str, str]:
    name = "unwonted_event_loop_lag_seconds_bucket"
    return {f'{name}{{le="1.0"}}': f"0+{within_a_second}x60"} | {
        f'{name}{{le="{bound}"}}': "0+100x60" for bound in ("2.5", "+Inf")
    }


# What the objectives rest on is given as recorded: three days of everything else would take promtool a minute.
ON_TIME = "unwonted:detection_on_time:bool"
WORKS = 'unwonted:delivery_works:bool{sink="soc"}'

CASES = [
    Case("UnwontedDown", "critical", {BUILD: "1x30 stale"}, ({BUILD: "1x60"},), "35m"),
    Case(
        "UnwontedRestarting",
        "warning",
        {START: "0x10 600x10 1200x10 1800x30", BUILD: "1x60"},
        ({START: "0x10 600x10 1200x40", BUILD: "1x60"},),
        "40m",
    ),
    Case("UnwontedEventLoopSlow", "warning", lags(98), (lags(100),), "30m"),
    Case(
        "UnwontedPartitionsNotOwned",
        "critical",
        {"unwonted_partitions_owned": "4x10 3x20", "unwonted_partitions": "4x30"},
        ({"unwonted_partitions_owned": "4x10 3x2 4x18", "unwonted_partitions": "4x30"},),
        "20m",
    ),
    Case(
        "UnwontedLagGrowing",
        "warning",
        {'unwonted_consumer_lag_messages{partition="0"}': "900+100x60"},
        (
            {'unwonted_consumer_lag_messages{partition="0"}': "90000-100x60"},
            {'unwonted_consumer_lag_messages{partition="0"}': "0+10x60"},
        ),
        "40m",
    ),
    Case(
        "UnwontedNoEvents",
        "critical",
        {"unwonted_records_total": "0+5x60 300x200", 'unwonted_consumer_lag_messages{partition="0"}': "0x260"},
        (
            {
                "unwonted_records_total": "0+5x60 300x70 301x130",
                'unwonted_consumer_lag_messages{partition="0"}': "0x260",
            },
        ),
        "245m",
    ),
    Case(
        "UnwontedMessagesLost",
        "critical",
        {"unwonted_source_expired_messages_total": "0x20 7x20"},
        ({"unwonted_source_expired_messages_total": "7x40"},),
        "30m",
    ),
    Case(
        "UnwontedArrivalDelayHigh",
        "warning",
        delays(7, 10),
        (
            delays(9, 10),
            delays(0, 0.2),
        ),
        "95m",
    ),
    Case(
        "UnwontedRecordsRejected",
        "warning",
        {"unwonted_records_total": "0+100x100", 'unwonted_rejects_total{reason="bad_time"}': "0+6x100"},
        (
            {"unwonted_records_total": "0+100x100", 'unwonted_rejects_total{reason="bad_time"}': "0+4x100"},
            {"unwonted_records_total": "0+0.3x100", 'unwonted_rejects_total{reason="bad_time"}': "0+0.3x100"},
        ),
        "60m",
    ),
    Case(
        "UnwontedEventsTooLate",
        "warning",
        {'unwonted_late_total{result="dropped"}': "0x20 30x40"},
        ({'unwonted_late_total{result="dropped"}': "0x20 10x40", 'unwonted_late_total{result="judged"}': "0+9x60"},),
        "40m",
    ),
    Case(
        "UnwontedNotEvaluating",
        "critical",
        {EVALUATED: "0+60x20 1200x80", START: "0x100", BUILD: "1x100"},
        (
            {EVALUATED: "0+60x20 1200x80", START: "0x30 4200x70", BUILD: "1x100"},
            {EVALUATED: "0+60x100", START: "0x100", BUILD: "1x100"},
        ),  # has just begun again
        "75m",
    ),
    Case(
        "UnwontedEvaluationsMissed",
        "warning",
        {"unwonted_evaluations_missed_total": "0x20 2x20 4x20"},
        ({"unwonted_evaluations_missed_total": "3x60"},),
        "50m",
    ),
    Case(
        "UnwontedDetectionStorm",
        "warning",
        {'unwonted_suppressed_total{reason="overflow"}': "0x20 1x20"},
        (
            {
                'unwonted_suppressed_total{reason="known"}': "0+9x40",
                'unwonted_alerts_total{result="new"}': "0x20 40x20",
            },
            {'unwonted_suppressed_total{reason="overflow"}': "2x60"},
        ),
        "30m",
    ),
    Case(
        "UnwontedDetectionStorm",
        "warning",
        {'unwonted_alerts_total{result="new",severity="low"}': "0x20 30x20 60x20"},
        (
            {'unwonted_alerts_total{result="update",severity="low"}': "0x20 30x20 60x20"},
            {'unwonted_suppressed_total{reason="overflow"}': "2x60"},
        ),
        "50m",
    ),
    Case(
        "UnwontedStateNearLimit",
        "warning",
        {
            'unwonted_tracked_keys{detector="rare_action"}': "95x100",
            'unwonted_tracked_keys_limit{detector="rare_action"}': "100x100",
        },
        (
            {
                'unwonted_tracked_keys{detector="rare_action"}': "85x100",
                'unwonted_tracked_keys_limit{detector="rare_action"}': "100x100",
            },
        ),
        "70m",
    ),
    Case(
        "UnwontedSnapshotStale",
        "warning",
        {"unwonted_snapshot_last_success_timestamp_seconds": "0+60x20 1200x80", START: "0x100", BUILD: "1x100"},
        (
            {"unwonted_snapshot_last_success_timestamp_seconds": "0+60x50 3000x50", START: "0x100", BUILD: "1x100"},
            {
                "unwonted_snapshot_last_success_timestamp_seconds": "0+60x20 1200x80",
                START: "0x30 4200x70",
                BUILD: "1x100",
            },
        ),
        "75m",
    ),
    Case("UnwontedSinkBroken", "critical", {BROKEN: "0x10 1x20"}, ({BROKEN: "0x10 1x3 0x17"},), "20m"),
    Case(
        "UnwontedDeliveryFailing",
        "warning",
        {RETRIED: "0+2x60", SENT: "0+1x60"},
        (
            {RETRIED: "0+1x60", SENT: "0+2x60"},
            {RETRIED: "0x30 2x30", SENT: "0x60"},
        ),
        "50m",
    ),
    Case(
        "UnwontedHistoryDropping",
        "warning",
        {"unwonted_history_dropped_total": "0x10 0+5x50"},
        ({"unwonted_history_dropped_total": "70x60"},),
        "40m",
    ),
    Case(
        "UnwontedHistoryNotShipped",
        "warning",
        {"unwonted_history_shipping_failed": "0x5 1x60"},
        ({"unwonted_history_shipping_failed": "0x5 1x20 0x40"}, {"unwonted_history_shipping_failed": "0x60"}),
        "45m",
    ),
    Case(
        "UnwontedConsoleSignInsRefused",
        "warning",
        {'unwonted_console_sign_ins_total{result="refused"}': "0+3x60"},
        (
            {'unwonted_console_sign_ins_total{result="refused"}': "0+1x60"},
            {'unwonted_console_sign_ins_total{result="entered"}': "0+9x60"},
        ),
        "40m",
    ),
    Case(
        "UnwontedDeliveriesLost",
        "critical",
        {'unwonted_deliveries_total{sink="soc",result="refused"}': "0x20 1x20"},
        (
            {'unwonted_deliveries_total{sink="soc",result="orphaned"}': "0x20 1x20", SENT: "0+1x40"},
            {'unwonted_deliveries_total{sink="soc",result="refused"}': "3x40"},
        ),
        "30m",
    ),
    Case(
        "UnwontedQueueGrowing",
        "warning",
        {WAITING: "0+1x80"},
        (
            {WAITING: "80-1x80"},
            {WAITING: "0+0.2x80"},
        ),
        "60m",
    ),
]
# A bad quarter of an hour; a bad hour long ago and bad minutes just now. Not: two bad minutes; some just now, too few;
# many, but over; a bad hour long ago and nothing since.
CALM = ("1x300 0x2 1x28", "1x317 0x8", "1x300 0x11 1x20", "1x200 0x60 1x66")
# Half an hour every day. Not: once in three days; too few, but recent; enough, but over.
DAILY = "1x1400 0x30 1x1400 0x30 1x1200 0x30 1x300"
RARELY = ("1x1400 0x40 1x3000", "1x4200 0x20 1x90", "1x1400 0x60 1x2900")
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
    code, said = promtool(tmp_path, questions(CASES), groups="unwonted-(shares|alive|input|decisions|delivery)")

    assert code == 0, said


@pytest.mark.integration
@needs_promtool
def test_an_objective_at_risk_calls_somebody_and_a_bad_minute_does_not(tmp_path: Path) -> None:
    code, said = promtool(tmp_path, questions(OBJECTIVES), groups="unwonted-(error-ratios|objectives)", every="5m")

    assert code == 0, said


MOMENTS = {
    "healthy": ("60m", 1),
    "evaluates no more": ("90m", 0),
    "just begun again": ("95m", 1),
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
