"""Every mistake of a configuration is told at once, in the order of the file; what only follows from one is not."""

from pathlib import Path

import pytest

from service.sinks import KINDS
from tests.service.settings.test_settings import problems


def said(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    """Return what is wrong, up to where a suggestion begins, or what there would be."""
    return [line.partition(";")[0].partition(" (there are ")[0] for line in problems(tmp_path, text, environ)]


def test_mistakes_of_every_kind_are_told_together_in_order_of_their_lines(tmp_path: Path) -> None:
    text = """\
sinks:
  hook:
    kind: webhook
    url: https://example.com/x
    format: card
  soc:
    kind: slakc
    fromat: x
  Upper:
    kind: stdout
event_hub:
  prefetch: many
  silent_after: 5s
  proxy: proxy.example.com:3128
windows:
  bucket: 7m
detectors:
  foo: {}
  rare_action:
    threshold: 300
    options: {half_life: 3}
snapshots:
  kind: blob
htpp: {}
"""
    assert said(tmp_path, text) == [
        "unwonted.yaml: line 5, sinks.hook.format: no such option",
        "unwonted.yaml: line 6, sinks.soc: needs exactly one of url and url_file",
        f"unwonted.yaml: line 7, sinks.soc.kind: should be one of {', '.join(KINDS)}",
        "unwonted.yaml: line 8, sinks.soc.fromat: no such option",
        (
            "unwonted.yaml: line 9, sinks.Upper: a name should have lower-case letters, digits and _ only, begin with "
            "a letter, and be 40 long at most"
        ),
        "unwonted.yaml: line 12, event_hub.prefetch: should be a whole number",
        (
            "unwonted.yaml: line 13, event_hub: silent_after should be longer than max_wait: twice as long at least, "
            "best three times"
        ),
        "unwonted.yaml: line 14, event_hub: proxy needs transport: websocket",
        "unwonted.yaml: line 16, windows.bucket should divide a day, so that buckets are aligned",
        "unwonted.yaml: line 18, detectors.foo: no such detector",
        "unwonted.yaml: line 20, detectors.rare_action.threshold: should be less than or equal to 100",
        "unwonted.yaml: line 21, detectors.rare_action.options.half_life: no such option",
        "unwonted.yaml: line 23, snapshots: needs account_url or connection_string when kind is blob",
        "unwonted.yaml: line 24, htpp: no such option",
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # The address is wrong: that there is none is no second mistake.
        (
            "sinks:\n  hook:\n    kind: webhook\n    url: http://example.com",
            ["sinks.hook.url: should begin with https"],
        ),
        # A bucket that could not be read divides no day, and needs no window.
        ("windows:\n  bucket: soon\nschedule:\n  window: 15m", ["windows.bucket: should be a duration"]),
        ("snapshots:\n  kind: blob\n  account_url: x", ["snapshots.account_url: should be https://ACCOUNT"]),
        ("event_hub: 5\nnotices:\n  after: 1m", ["event_hub: should be a mapping with options below it"]),
        ("sinks:\n  soc:\n    kind: [1]\n    url: x", ["sinks.soc.kind: should be one of"]),
        ("detectors: [x]\nsinks: [x]", ["detectors: should be a mapping", "sinks: should be a mapping"]),
    ],
)
def test_what_only_follows_from_a_mistake_is_not_told_as_another(tmp_path: Path, text: str, lines: list[str]) -> None:
    told = said(tmp_path, text)
    assert len(told) == len(lines), told
    for line, expected in zip(told, lines, strict=True):
        assert expected in line


def test_a_conflict_names_the_line_of_whichever_option_the_file_has(tmp_path: Path) -> None:
    told = said(tmp_path, "http:\n  port: 1\nwindows:\n  bucket: 3h\n")
    assert told == [
        (
            "unwonted.yaml: line 4, schedule.window should be no shorter than windows.bucket + windows.lateness, or "
            "buckets close unseen"
        )
    ]


def test_several_places_for_one_connection_are_named_in_words(tmp_path: Path) -> None:
    told = said(tmp_path, "event_hub:\n  namespace: a.example\n  connection_string_file: /x\n")
    assert told == [
        (
            "unwonted.yaml: line 2, event_hub: needs only one of namespace, connection_string and "
            "connection_string_file, has namespace and connection_string_file"
        )
    ]


@pytest.mark.parametrize(
    ("environ", "lines"),
    [
        (
            {"SCHEDULE__EVERY": "7m", "SCHEDULE__WINDOW": "119m"},
            ["UNWONTED_SCHEDULE__EVERY should divide a day, so that evaluations are aligned"],
        ),
        (
            {"WINDOWS__BUCKET": "3h"},
            ["schedule.window should be no shorter than UNWONTED_WINDOWS__BUCKET + windows.lateness, or buckets "],
        ),
        (
            {"SINKS__SOC__KIND": "slack"},
            ["sinks.soc (UNWONTED_SINKS__SOC__KIND): needs exactly one of url and url_file"],
        ),
        (
            {"SINKS__SOC__KIND": "slack", "SINKS__SOC__URL": "https://example.com/x"},
            ["sinks.soc: UNWONTED_SINKS__SOC__URL should lead to one of allow_hosts: hooks.slack.com, "],
        ),
        (
            {"SINKS__SOC__URL": "https://example.com/x"},
            ["sinks.soc.kind (UNWONTED_SINKS__SOC__URL): is missing"],
        ),
        (
            {"DETECTORS__RARE_ACTOIN__ENABLED": "no"},
            ["detectors.rare_actoin (UNWONTED_DETECTORS__RARE_ACTOIN__ENABLED): no such detector"],
        ),
        (
            {"DETECTORS__RARE_ACTION__OPTIONS__HALF_LIFE": "3"},
            ["UNWONTED_DETECTORS__RARE_ACTION__OPTIONS__HALF_LIFE: no such option"],
        ),
        (
            {"EVENT_HUB__NAMESPACE": "a.example", "EVENT_HUB__CONNECTION_STRING_FILE": "/x"},
            [
                (
                    "event_hub: needs only one of UNWONTED_EVENT_HUB__NAMESPACE, connection_string and "
                    "UNWONTED_EVENT_HUB__CONNECTION_STRING_FILE, has "
                )
            ],
        ),
    ],
)
def test_a_mistake_in_the_environment_names_its_variable(
    tmp_path: Path, environ: dict[str, str], lines: list[str]
) -> None:
    told = said(tmp_path, "", {f"UNWONTED_{name}": value for name, value in environ.items()})
    assert len(told) == len(lines), told
    for line, expected in zip(told, lines, strict=True):
        assert line.startswith(expected)


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("UNWONTED_SINK__SOC__URL", "UNWONTED_SINKS__SOC__URL"),
        ("UNWONTED_SINKS_SOC_URL_FILE", "UNWONTED_SINKS__SOC__URL_FILE"),
        ("UNWONTED__SINKS__SOC__MIN_SEVERITY", "UNWONTED_SINKS__SOC__MIN_SEVERITY"),
        ("UNWONTED_SINK__SOC__ULR", "UNWONTED_SINKS__SOC__URL"),
        ("UNWONTED_SINKS__SOC__ULR", "UNWONTED_SINKS__SOC__URL"),
        ("UNWONTED_CONFIGURATION", "UNWONTED_CONFIG"),
        ("UNWONTED_DETECTOR__DORMANT__THRESHOLD", "UNWONTED_DETECTORS__DORMANT__THRESHOLD"),
    ],
)
def test_a_misspelt_variable_gets_the_right_one_with_the_sinks_own_name(
    tmp_path: Path, name: str, suggested: str
) -> None:
    slack = "sinks: {soc: {kind: slack, url_file: /x}}"
    assert [line for line in problems(tmp_path, slack, {name: "x"}) if f"; did you mean {suggested}?" in line]


def test_every_variable_below_a_section_that_is_none_is_told(tmp_path: Path) -> None:
    told = said(tmp_path, "", {"UNWONTED_SINK__SOC__URL": "x", "UNWONTED_SINK__SOC__KIND": "slack"})
    assert told == ["UNWONTED_SINK__SOC__KIND: no such option", "UNWONTED_SINK__SOC__URL: no such option"]


@pytest.mark.parametrize(
    ("kind", "suggested"),
    [
        ("slakc", "slack"),
        ("MS-Teams", "teams"),
        ("teams_workflow", "teams"),
        ("web_hook", "webhook"),
        ("std", "stdout"),
    ],
)
def test_an_unknown_kind_gets_the_nearest_one(tmp_path: Path, kind: str, suggested: str) -> None:
    (line, *_) = problems(tmp_path, f"sinks: {{soc: {{kind: {kind}, url_file: /x}}}}")
    assert line.endswith(f"; did you mean {suggested}?")


def test_a_sink_without_a_kind_is_asked_for_one_and_its_name_may_say_which(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, "sinks: {slack: {url_file: /x}}")
    assert line.endswith(
        f"sinks.slack.kind: is missing; should be one of {', '.join(KINDS)}; did you mean kind: slack?"
    )


def test_an_option_of_another_kind_is_told_as_that_and_only_the_sinks_own_are_listed(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, "sinks: {hook: {kind: webhook, url_file: /x, format: card}}")
    assert "sinks.hook.format: no such option; stdout has it, webhook has not (there are allow_private, " in line
    assert "allow_hosts" not in line
    (line,) = problems(
        tmp_path, "sinks: {hook: {kind: webhook, url_file: /x}}", {"UNWONTED_SINKS__HOOK__AUTH": "entra"}
    )
    assert line.startswith("UNWONTED_SINKS__HOOK__AUTH: no such option; teams has it, webhook has not (there are ")
