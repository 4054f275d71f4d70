"""Settings: one strict tree from file and environment, and nothing secret in whatever is said of it."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from models.detectors.registry import build
from service.options.values import format_duration, parse_duration
from service.settings.detectors import arguments
from service.settings.names import option_paths
from service.settings.reading import SettingsError, load
from service.settings.root import Settings
from service.settings.showing import config_hash, example_yaml, json_schema, redacted, secrets
from service.sinks.teams.settings import TeamsSettings
from service.sinks.webhook.settings import WebhookSettings

DEFAULTS = Path(__file__).parents[3] / "config" / "unwonted.yaml"
PLANTED = "pl4ntedSecretPl4ntedSecret"
CONNECTION = f"Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey={PLANTED}="
TEAMS_URL = f"https://prod-1.westeurope.logic.azure.com:443/workflows/abc/triggers/run?sp=x&sig={PLANTED}"


def problems(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    file = tmp_path / "unwonted.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(file, environ or {})
    return caught.value.lines


def test_the_shipped_file_holds_exactly_the_defaults() -> None:
    assert load(DEFAULTS, {}) == load(None, {}) == Settings()


def test_the_example_has_every_option_and_a_comment_above_each() -> None:
    lines = example_yaml().splitlines()
    # An option without default is "#key: example", a comment is "# Words".
    uncommented = yaml.safe_load("\n".join(re.sub(r"^( *)#(?=[a-z_]+:)", r"\1", line) for line in lines))

    def leaves(tree: object, under: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        if isinstance(tree, dict) and tree:
            return {leaf for key, value in tree.items() for leaf in leaves(value, (*under, key))}
        return {under}

    assert leaves(uncommented) == set(option_paths())
    for above, line in pairwise(lines):
        if re.match(r" +#?[a-z_]+: ", line):
            assert above.lstrip().startswith("# "), line


def test_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "unwonted.yaml"
    file.write_text("http: {port: 1, host: 127.0.0.1}\nsinks: {soc: {kind: stdout}}\n")
    environ = {
        "UNWONTED_HTTP__PORT": "9000",
        "UNWONTED_SCHEDULE__EVERY": "5m",
        "UNWONTED_DETECTORS__RARE_ACTION__THRESHOLD": "80",
        "UNWONTED_SINKS__TEAMS__KIND": "teams",
        "UNWONTED_SINKS__TEAMS__URL": TEAMS_URL,
        "UNWONTED_SINKS__TEAMS__ALLOW_HOSTS": "*.logic.azure.com, flows.example.com",
        "UNWONTED_LOG__LEVEL": "",
        "PATH": "/usr/bin",
    }
    settings = load(file, environ)
    assert (settings.http.port, settings.http.host) == (9000, "127.0.0.1")
    assert settings.schedule.every == timedelta(minutes=5)
    assert settings.detectors["rare_action"].threshold == 80.0
    assert settings.detectors["rare_failure"].enabled
    assert settings.log.level == "info"
    teams = settings.sinks["teams"]
    assert isinstance(teams, TeamsSettings)
    assert teams.allow_hosts == ("*.logic.azure.com", "flows.example.com")
    assert teams.address == SecretStr(TEAMS_URL)
    assert set(settings.sinks) == {"soc", "teams"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("http: {prot: 1}", "unwonted.yaml: http.prot: no such option; did you mean http.port?"),
        ("htpp: {port: 1}", "unwonted.yaml: htpp: no such option; did you mean http?"),
        (
            "log: {port: 1}",
            "unwonted.yaml: log.port: no such option; did you mean http.port? (there are level, format)",
        ),
        (
            "detectors: {rare_actoin: {}}",
            "unwonted.yaml: detectors.rare_actoin: no such detector; did you mean rare_action?",
        ),
        (
            "detectors: {rare_action: {options: {half_live_days: 3}}}",
            "detectors.rare_action.options.half_live_days: no such option; did you mean half_life_days? (there are",
        ),
        (
            "detectors: {rare_action: {options: {half_life_days: long}}}",
            "detectors.rare_action.options.half_life_days: should be a valid number",
        ),
        ("detectors: {rare_action: {options: {max_identities: 1}}}", "options.max_identities: no such option"),
        ("detectors: {rare_action: {treshold: 1}}", "did you mean detectors.rare_action.threshold?"),
        (
            "sinks: {soc: {kind: stdout, fromat: card}}",
            "sinks.soc.fromat: no such option; did you mean sinks.soc.format?",
        ),
        (
            "sinks: {soc: {kind: tems, url_file: /x}}",
            "kind: should be one of teams, slack, webhook, template, email, event_hub, sentinel, syslog, stdout",
        ),
        ("sinks: {soc: {format: card}}", "unwonted.yaml: sinks.soc.kind: is missing; should be one of"),
        ("sinks: {soc: {kind: slack}}", "unwonted.yaml: sinks.soc: needs exactly one of url and url_file"),
        ("sinks: {Soc-1: {kind: stdout}}", "unwonted.yaml: sinks.Soc-1: a name should have lower-case letters"),
        ("http: {port: 70000}", "unwonted.yaml: http.port: should be less than or equal to 65535"),
        ("http: {port: many}", "unwonted.yaml: http.port: should be a whole number"),
        ("http: 8080", "unwonted.yaml: http: should be a mapping"),
        ("log: {level: loud}", "unwonted.yaml: log.level: should be 'debug', 'info', 'warning' or 'error'"),
        ("windows: {bucket: soon}", "unwonted.yaml: windows.bucket: should be a duration such as"),
        ("windows: {bucket: 0}", "unwonted.yaml: windows.bucket: should be longer than nothing"),
        ("windows: {lateness: -5}", "unwonted.yaml: windows.lateness: should not be negative"),
        ("schedule: {every: 7m, window: 119m}", "unwonted.yaml: schedule.every should divide a day"),
        (
            "schedule: {every: 4h, window: 2h}",
            "unwonted.yaml: schedule.window should be no shorter than schedule.every",
        ),
        ("schedule: {window: 1h}", "unwonted.yaml: schedule.window should be no shorter than windows.bucket"),
        ("event_hub: {probe_every: 6m}", "unwonted.yaml: notices.after should be at least three times"),
        ("schedule: {window: 130m}", "unwonted.yaml: schedule.window should be a multiple of schedule.every"),
        (
            "windows: {late_horizon: 1h, lateness: 61m, bucket: 30m}",
            "windows.late_horizon should be no shorter than windows.lateness",
        ),
        ("event_hub: {namespace: contoso}", "event_hub.namespace: should be a host alone, such as contoso.servicebus"),
        ("event_hub: {start: yesterday}", "event_hub.start: should be earliest, latest, or a time with its offset"),
        ("event_hub: {start: '2026-03-01T00:00:00'}", "event_hub.start: should be earliest, latest, or a time with"),
        ("event_hub: {silent_after: 5s}", "event_hub: silent_after should be longer than max_wait"),
        ("snapshots: {kind: blob}", "snapshots: needs account_url or connection_string when kind is blob"),
        ("http: {port: 1, port: 2}", "is not valid YAML at line 1, column 17 (a key is there twice)"),
        ("event_hub: {start: [1]}", "event_hub.start: should be earliest, latest, or a time with its offset"),
        ("http: &http {port: 1, host: *http}", "is not valid YAML (it is nested too deeply, or an alias leads into"),
        ("http:\n\tport: 1", "is not valid YAML at line 2, column 1 (a tab, where YAML wants blanks)"),
        ("http: port: 1", "is not valid YAML at line 1, column 11 (mapping values are not allowed here)"),
        ("http: {port: 1", "is not valid YAML at line 1, column 15 (expected ',' or '}', but got '<stream end>')"),
        ("http: [", "is not valid YAML at line 1, column 8"),
        ("- http", "should be a mapping of sections"),
    ],
)
def test_a_mistake_is_one_line_that_says_where_what_and_what_would_be_right(
    tmp_path: Path, text: str, line: str
) -> None:
    said = problems(tmp_path, text)
    assert len(said) == 1
    assert line in said[0].replace("yaml: line 1, ", "yaml: ")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("UNWONTED_HTTP__PROT", "UNWONTED_HTTP__PROT: no such option; did you mean UNWONTED_HTTP__PORT?"),
        ("UNWONTED_HTTP_PORT", "UNWONTED_HTTP_PORT: no such option; did you mean UNWONTED_HTTP__PORT?"),
        ("UNWONTED_HTPP__PORT", "UNWONTED_HTPP__PORT: no such option; did you mean UNWONTED_HTTP__PORT?"),
        ("UNWONTED_HTTP__PORT__X", "UNWONTED_HTTP__PORT__X: no such option; did you mean UNWONTED_HTTP__PORT?"),
        ("UNWONTED_SINKS__SOC__FROMAT", "did you mean UNWONTED_SINKS__SOC__FORMAT?"),
        ("UNWONTED_HTTP__PORT", "UNWONTED_HTTP__PORT: should be a whole number"),
        ("UNWONTED_SCHEDULE__EVERY", "UNWONTED_SCHEDULE__EVERY: should be a duration"),
    ],
)
def test_a_misspelt_or_wrong_variable_is_an_error_that_names_the_variable(tmp_path: Path, name: str, line: str) -> None:
    said = problems(tmp_path, "http: {port: 1}\nsinks: {soc: {kind: stdout}}", {name: "tru"})
    assert len(said) == 1
    assert line in said[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    said = problems(
        tmp_path,
        "http: {prot: 1}\nlog: {level: loud}\nsinks: {soc: {kind: slack}}",
        {"UNWONTED_LIMITS__MAX_ACTIONS": "ten", "UNWONTED_HTTP__PORT__X": "1", "UNWONTED_HTPP__PORT": "1"},
    )
    assert len(said) == 5 + 1


def test_an_own_option_from_the_environment_suits_the_detector() -> None:
    settings = load(None, {"UNWONTED_DETECTORS__RARE_ACTION__OPTIONS__HALF_LIFE_DAYS": "14"})
    own = arguments("rare_action", settings.detectors["rare_action"])
    assert own == {"half_life_days": 14.0}
    assert build("rare_action", **own).declaration.name == "rare_action"


def test_what_kubernetes_says_of_a_service_called_unwonted_is_no_configuration() -> None:
    environ = {
        "UNWONTED_SERVICE_HOST": "10.0.0.1",
        "UNWONTED_SERVICE_PORT": "8080",
        "UNWONTED_SERVICE_PORT_METRICS": "8080",
        "UNWONTED_PORT": "tcp://10.0.0.1:8080",
        "UNWONTED_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "UNWONTED_PORT_8080_TCP_ADDR": "10.0.0.1",
        "UNWONTED_METRICS_SERVICE_HOST": "10.0.0.1",
    }
    assert load(None, environ) == Settings()
    with pytest.raises(SettingsError, match="UNWONTED_PORT: no such option; did you mean UNWONTED_HTTP__PORT"):
        load(None, {"UNWONTED_PORT": "8080"})


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file or directory"):
        load(tmp_path / "unwonted.yml", {})


def test_no_input_is_repeated_in_any_error(tmp_path: Path) -> None:
    wrong = [
        f"event_hub: {{connection_string: {PLANTED}}}",
        f"event_hub: {{namespace: 'sb://{PLANTED}'}}",
        f"event_hub: {{start: {PLANTED}, max_wait: {PLANTED}, prefetch: {PLANTED}, transport: {PLANTED}}}",
        f"sinks: {{soc: {{kind: {PLANTED}, url: 'https://x/{PLANTED}'}}}}",
        f"sinks: {{soc: {{kind: teams, url: 'https://hooks.example.com/{PLANTED}'}}}}",
        f"sinks: {{soc: {{kind: slack, url: 'http://hooks.example.com/{PLANTED}'}}}}",
        f"sinks: {{soc: {{kind: slack, url: 'https://[{PLANTED}'}}}}",
        f"sinks: {{soc: {{kind: webhook, url: 'https://x.example', secrets: [whsec_{PLANTED}]}}}}",
        f"sinks: {{soc: {{kind: stdout, min_severity: {PLANTED}, runbook_url: {PLANTED}}}}}",
        f"snapshots: {{connection_string: [{PLANTED}]}}",
        f"sign_in: {{client_secret: [{PLANTED}], issuer: 'https://{PLANTED}@login.example'}}",
        f"sign_in: {{client_id: c, client_secret: {PLANTED}, client_secret_file: /x, issuer: 'https://login.example'}}",
        f"snapshots: {{account_url: 'https://x.blob.core.windows.net/?sig={PLANTED}'}}",
        f"http: *{PLANTED}",
        f"http: !{PLANTED} x",
        f"http: '{PLANTED}\n",
        f"{PLANTED}",
    ]
    for text in wrong:
        said = problems(tmp_path, text, {"UNWONTED_HTTP__PORT": PLANTED, "UNWONTED_SINKS__X__URL": PLANTED})
        assert PLANTED not in "\n".join(said), text


def secretive() -> Settings:
    return load(
        None,
        {
            "UNWONTED_EVENT_HUB__CONNECTION_STRING": CONNECTION,
            "UNWONTED_SNAPSHOTS__CONNECTION_STRING": f"AccountName=x;AccountKey={PLANTED}==",
            "UNWONTED_SINKS__TEAMS__KIND": "teams",
            "UNWONTED_SINKS__TEAMS__URL": TEAMS_URL,
            "UNWONTED_SINKS__HOOK__KIND": "webhook",
            "UNWONTED_SINKS__HOOK__URL": f"https://hook.example.com/{PLANTED}",
            "UNWONTED_SINKS__HOOK__SECRETS": f"whsec_{PLANTED}{PLANTED[:-8]}{'A' * 8}AAAA",
            "UNWONTED_SIGN_IN__ISSUER": "https://login.example",
            "UNWONTED_SIGN_IN__CLIENT_ID": "console",
            "UNWONTED_SIGN_IN__CLIENT_SECRET": f"client-{PLANTED}",
        },
    )


def test_a_planted_secret_is_nowhere_in_what_is_shown() -> None:
    settings = secretive()
    shown = [repr(settings), str(settings), json.dumps(redacted(settings)), settings.model_dump_json()]
    for text in shown:
        assert PLANTED not in text
        assert "contoso.servicebus" not in text
    assert redacted(settings)["event_hub"]["connection_string"] == "**********"
    assert redacted(settings)["schedule"]["every"] == "15m"


def test_a_secret_in_a_file_is_known_to_the_redaction_and_a_missing_file_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"https://hook.example.com/{PLANTED}\n")
    here, gone = WebhookSettings(url_file=file), WebhookSettings(url_file=tmp_path / "gone")
    assert set(secrets(Settings(sinks={"here": here, "gone": gone}))) == {
        f"https://hook.example.com/{PLANTED}",
        f"/{PLANTED}",
    }


def test_every_secret_and_its_telling_parts_are_known_to_the_redaction() -> None:
    known = set(secrets(secretive()))
    assert {CONNECTION, TEAMS_URL, f"{PLANTED}=", f"{PLANTED}==", f"/{PLANTED}", f"client-{PLANTED}"} <= known


def test_the_hash_tells_settings_apart_and_ignores_the_values_of_secrets() -> None:
    changed = secretive()
    sinks = {"hook": WebhookSettings(url=SecretStr("https://hook.example.com/a"))}
    rotated = {"hook": WebhookSettings(url=SecretStr("https://hook.example.com/b"))}
    assert re.fullmatch("[0-9a-f]{12}", config_hash(Settings()))
    assert config_hash(Settings()) == config_hash(load(DEFAULTS, {}))
    assert config_hash(changed) != config_hash(Settings())
    assert config_hash(Settings(sinks={**sinks})) == config_hash(Settings(sinks={**rotated}))


def test_the_schema_describes_every_option() -> None:
    schema = json_schema()
    described = [schema, *schema["$defs"].values()]
    for part in described:
        for name, option in part.get("properties", {}).items():
            if part is not schema:
                assert option.get("description"), name
    assert schema["additionalProperties"] is False


def test_a_connection_string_in_a_file_is_read_again_each_time(tmp_path: Path) -> None:
    file = tmp_path / "event-hub"
    file.write_text(CONNECTION + "\n")
    hub = load(None, {"UNWONTED_EVENT_HUB__CONNECTION_STRING_FILE": str(file)}).event_hub
    assert hub.connection() == SecretStr(CONNECTION)
    file.write_text(PLANTED)
    with pytest.raises(ValueError, match="should look like Endpoint=sb://") as caught:
        hub.connection()
    assert PLANTED not in str(caught.value)


def test_a_sink_hands_on_its_address_or_the_file_that_holds_it(tmp_path: Path) -> None:
    file = tmp_path / "url"
    assert WebhookSettings(url_file=file, secret_file=file).address == file
    assert WebhookSettings(url_file=file, secret_file=file).signing == (file,)
    assert WebhookSettings(url=SecretStr("https://x.example/y")).address == SecretStr("https://x.example/y")
    assert WebhookSettings(url_file=file).signing == ()


@pytest.mark.parametrize(
    ("url", "loopback", "allowed"),
    [
        ("https://prod-1.westeurope.logic.azure.com/x", False, True),
        ("https://PROD-1.WestEurope.Logic.Azure.com/x", False, True),
        ("https://logic.azure.com/x", False, False),
        ("https://evillogic.azure.com/x", False, False),
        ("https://logic.azure.com.evil.example/x", False, False),
        ("http://127.0.0.1:9/x", True, True),
        ("http://127.0.0.1:9/x", False, False),
        ("https://127.0.0.1.evil.example/x", True, False),
        ("http://prod-1.westeurope.logic.azure.com/x", True, False),
    ],
)
def test_a_teams_address_leads_to_an_allowed_host(url: str, loopback: bool, allowed: bool) -> None:
    def make() -> TeamsSettings:
        return TeamsSettings(url=SecretStr(url), allow_loopback=loopback)

    if allowed:
        assert make().address == SecretStr(url)
    else:
        with pytest.raises(ValueError, match="should") as caught:
            make()
        assert url not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "start"),
    [
        ("latest", "latest"),
        ("'2026-03-01T02:00:00+02:00'", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T00:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_start_is_a_word_or_an_instant_in_utc(tmp_path: Path, written: str, start: object) -> None:
    file = tmp_path / "unwonted.yaml"
    file.write_text(f"event_hub: {{start: {written}}}")
    assert load(file, {}).event_hub.start == start


@given(st.integers(min_value=0, max_value=10**12))
def test_a_duration_reads_as_it_was_written(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("wrong", ["", "m", "1x", "h1", "1h 30m", "-1s", "1m1h", True, None, float("nan"), 1e300, [1]])
def test_anything_else_is_no_duration(wrong: object) -> None:
    with pytest.raises(ValueError, match="should"):
        parse_duration(wrong)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().http.port = 1


@pytest.mark.integration
def test_an_editor_that_knows_the_schema_accepts_the_shipped_file_and_marks_a_typo(tmp_path: Path) -> None:
    schema, typo = tmp_path / "schema.json", tmp_path / "typo.yaml"
    schema.write_text(json.dumps(json_schema()))
    typo.write_text("http: {prot: 1}\n")
    checker = Path(sys.executable).with_name("check-jsonschema")

    def accepts(file: Path) -> bool:
        return subprocess.run([checker, "--schemafile", schema, file], capture_output=True, check=False).returncode == 0

    assert accepts(DEFAULTS)
    assert not accepts(typo)
