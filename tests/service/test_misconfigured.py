"""What an operator reads when something is wrong from the start: one line that names the option, and the right code."""

import asyncio
import json
import socket
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.blob.aio import ContainerClient
from click.testing import CliRunner, Result
from prometheus_client import CollectorRegistry

from models.detectors.registry import DETECTORS
from service.cli.commands import main
from service.cli.inputs import ENDED_ON_ERROR
from service.clock import SystemClock
from service.components import Components
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.outbox import Outbox
from service.monitoring.http import Health, HttpServer
from service.settings import Settings
from service.settings.detectors import own_options
from service.settings.reading import SettingsError, load
from service.storage.snapshots import BlobSnapshotStore, FileSnapshotStore
from service.storage.state import Saved, State
from tests.fakes.store import kept_in

OF_A_NAMESPACE = "Endpoint=sb://x.example;SharedAccessKeyName=a;SharedAccessKey=0verheard-in-the-canteen"


def unwonted(monkeypatch: pytest.MonkeyPatch, *arguments: str, **environment: str) -> Result:
    # The process' own logging is left alone: it would outlive the command here.
    monkeypatch.setattr("service.cli.run.configure", lambda **_: structlog.get_config())
    return CliRunner().invoke(
        main, list(arguments), env={f"UNWONTED_{name}": text for name, text in environment.items()}
    )


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({}, "event_hub: No Event Hub to read from: needs either connection_string, or both a namespace"),
        ({"EVENT_HUB__NAMESPACE": "x.servicebus.windows.net"}, "event_hub: No Event Hub to read from"),
        ({"EVENT_HUB__CONNECTION_STRING": OF_A_NAMESPACE}, "event_hub: The connection string names no Event Hub"),
        (
            {"EVENT_HUB__CONNECTION_STRING_FILE": "/nowhere/hub"},
            "UNWONTED_EVENT_HUB__CONNECTION_STRING_FILE: /nowhere/hub: No such file or directory",
        ),
    ],
)
def test_without_a_hub_to_read_run_ends_at_once_and_check_config_says_that_it_would(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], line: str
) -> None:
    run = unwonted(monkeypatch, "run", **environment)
    assert run.exit_code == 2
    assert run.stderr.startswith(line)
    assert run.stderr.count("\n") == (1 if environment else 2)
    assert "canteen" not in run.output
    checked = unwonted(monkeypatch, "check-config", **environment)
    assert checked.exit_code == 2
    assert f"unwonted run would refuse this: {line}" in checked.stderr


HUB = {"EVENT_HUB__NAMESPACE": "x.servicebus.windows.net", "EVENT_HUB__HUB": "activity-log"}


@pytest.mark.parametrize(
    ("option", "text", "line"),
    [
        ("GEOGRAPHY__DATABASE", None, "UNWONTED_GEOGRAPHY__DATABASE: {file}: No such file or directory"),
        ("GEOGRAPHY__DATABASE", "dust", "UNWONTED_GEOGRAPHY__DATABASE: {file} "),
        ("SUPPRESSIONS__FILE", None, "UNWONTED_SUPPRESSIONS__FILE: "),
        ("SUPPRESSIONS__FILE", "dust", "UNWONTED_SUPPRESSIONS__FILE: file: should be a mapping"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_run_and_check_config_in_the_same_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str, text: str | None, line: str
) -> None:
    file = tmp_path / "file"
    if text is not None:
        file.write_text(text)
    run = unwonted(monkeypatch, "run", **HUB, **{option: str(file)})
    checked = unwonted(monkeypatch, "check-config", **HUB, **{option: str(file)})
    assert (run.exit_code, checked.exit_code) == (2, 2)
    assert run.stderr.startswith(line.format(file=file))
    assert checked.stderr == f"unwonted run would refuse this: {run.stderr}"


@pytest.mark.parametrize(
    ("option", "text", "line"),
    [
        ("url_file", None, "No such file or directory"),
        ("url_file", "http://canteen.example/", "should begin with https:// (http is for loopback only)"),
        ("url_file", "", "should be a web address, https://host/…"),
        ("secret_file", None, "No such file or directory"),
        ("secret_file", "whsec_canteen", "should be whsec_ and 24 to 64 bytes in base64"),
    ],
)
def test_a_secret_that_is_not_there_yet_is_told_by_check_config_and_keeps_no_service_from_starting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str, text: str | None, line: str
) -> None:
    files = {"url_file": tmp_path / "url_file", "secret_file": tmp_path / "secret_file"}
    files["url_file"].write_text("\ufeffhttps://receiver.example/")
    files["secret_file"].write_text("\ufeffwhsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\n")
    hook = {f"SINKS__HOOK__{name.upper()}": str(file) for name, file in files.items()}
    well = unwonted(monkeypatch, "check-config", **HUB, **hook, SINKS__HOOK__KIND="webhook")
    assert (well.exit_code, well.stderr) == (0, "")
    if text is None:
        files[option].unlink()
    else:
        files[option].write_text(text)
    checked = unwonted(monkeypatch, "check-config", **HUB, **hook, SINKS__HOOK__KIND="webhook")
    assert checked.exit_code == 2
    variable = f"UNWONTED_SINKS__HOOK__{option.upper()}"
    assert checked.stderr.startswith(f"unwonted run would not be ready: {variable}: {files[option]}: {line}")
    assert "canteen" not in checked.output


SIGN_IN = {
    "CONSOLE__ENABLED": "true",
    "CONSOLE__PUBLIC_URL": "https://unwonted.example",
    "SIGN_IN__ISSUER": "https://login.example",
    "SIGN_IN__CLIENT_ID": "console",
}


@pytest.mark.parametrize(
    ("option", "data", "line"),
    [
        ("client_secret_file", None, "No such file or directory"),
        ("client_secret_file", b"\xff\xfe", "is not UTF-8 text"),
        ("client_assertion_file", b" \n", "is empty"),
        ("ca_file", None, "No such file or directory"),
        ("ca_file", b"canteen", "holds no certificate in PEM"),
    ],
)
def test_a_file_without_which_nobody_could_sign_in_is_told_by_check_config(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str, data: bytes | None, line: str
) -> None:
    good, file = tmp_path / "good", tmp_path / "file"
    good.write_text("proof-from-the-canteen")
    proof = "client_assertion_file" if option == "client_assertion_file" else "client_secret_file"
    given = {f"SIGN_IN__{proof.upper()}": str(good)}
    well = unwonted(monkeypatch, "check-config", **HUB, **SIGN_IN, **given)
    assert (well.exit_code, well.stderr) == (0, "")
    if data is not None:
        file.write_bytes(data)
    variable = f"SIGN_IN__{option.upper()}"
    checked = unwonted(monkeypatch, "check-config", **HUB, **SIGN_IN, **{**given, variable: str(file)})
    assert checked.exit_code == 2
    said = f"unwonted run would let nobody into the console: UNWONTED_{variable}: {file}: {line}"
    assert checked.stderr.startswith(said)
    assert "canteen" not in checked.output
    off = unwonted(
        monkeypatch, "check-config", **HUB, **{**SIGN_IN, **given, variable: str(file), "CONSOLE__ENABLED": "no"}
    )
    assert off.exit_code == 0


def test_an_alarm_that_could_not_be_silent_is_found_before_the_start() -> None:
    with pytest.raises(SettingsError, match="EVENT_HUB__SILENT_AFTER should be longer than max_wait: twice as long"):
        load(None, {"UNWONTED_EVENT_HUB__SILENT_AFTER": "39s"})
    load(None, {"UNWONTED_EVENT_HUB__SILENT_AFTER": "40s"})


async def test_a_port_that_is_taken_is_named_with_its_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = HttpServer(Health(), CollectorRegistry(), host="127.0.0.1", port=port)
        with pytest.raises(OSError, match=rf"http\.port: cannot listen on 127\.0\.0\.1:{port}: .*in use"):
            await server.start()


def ended(monkeypatch: pytest.MonkeyPatch, **environment: str) -> tuple[Result, list[dict[str, object]]]:
    """Run the command and return what it logged last, too; what it sets for its whole process is left alone here."""
    monkeypatch.setattr("service.cli.run.collect_seldom", lambda: None)
    with structlog.testing.capture_logs() as lines:
        run = unwonted(monkeypatch, "run", **HUB, **environment)
    return run, [dict(line) for line in lines if line["event"].startswith("ended")]


def test_a_port_that_is_taken_ends_run_with_its_code_and_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run, lines = ended(
            monkeypatch, HTTP__HOST="127.0.0.1", HTTP__PORT=port, SNAPSHOTS__PATH=str(tmp_path / "state")
        )
    assert run.exit_code == ENDED_ON_ERROR
    assert [line["event"] for line in lines] == ["ended"]
    assert f"http.port: cannot listen on 127.0.0.1:{port}" in str(lines[0]["text"])


def test_settings_that_are_refused_only_while_parts_are_put_together_end_run_as_a_misconfiguration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(settings: Settings, **_: object) -> Components:
        raise SettingsError(["sinks.hook.url_file: was taken away meanwhile"])

    monkeypatch.setattr("service.cli.run.build_components", gone)
    run, lines = ended(monkeypatch)
    assert (run.exit_code, run.stderr, lines) == (2, "sinks.hook.url_file: was taken away meanwhile\n", [])


def test_a_bug_ends_run_with_its_code_and_a_traceback_that_goes_through_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def buggy(settings: Settings) -> Components:
        raise KeyError("a bug")

    monkeypatch.setattr("service.cli.run.build_components", buggy)
    run, lines = ended(monkeypatch)
    assert (run.exit_code, run.output) == (ENDED_ON_ERROR, "")
    assert lines == [{"event": "ended_on_a_bug", "exc_info": True, "log_level": "error"}]


async def test_a_snapshot_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    notes: list[Saved] = []
    engine = Engine(Options(bucket=timedelta(hours=1)), [DETECTORS["rare_failure"]()])
    state = State(engine, Outbox(), FileSnapshotStore(tmp_path / "file" / "state"), SystemClock(), notes.append)
    assert await state.save() is None
    assert notes[0].reason.startswith(f"Not a directory: {tmp_path / 'file'}")


class NoToken:
    """A credential as on a machine without any identity."""

    async def get_token(self, *scopes: str, **_: object) -> None:
        raise ClientAuthenticationError("None.\nAttempted credentials:\n\tAzureCliCredential: Please run 'az login'")

    async def close(self) -> None:
        return None


async def test_a_blob_without_a_credential_is_named_with_its_account_and_the_reason() -> None:
    address = "https://contoso.blob.core.windows.net"
    async with ContainerClient(address, "unwonted", credential=NoToken(), retry_total=0) as container:  # type: ignore[arg-type]
        with pytest.raises(OSError, match="cannot be read") as caught:
            await kept_in(BlobSnapshotStore(container, "snapshot"))
    assert str(caught.value) == (
        "the snapshot (blob snapshot in container unwonted of account contoso) cannot be read "
        "(ClientAuthenticationError: AzureCliCredential: Please run 'az login')"
    )


def test_a_mistake_elsewhere_does_not_hide_a_misspelt_detector_or_option() -> None:
    with pytest.raises(SettingsError) as caught:
        load(
            None,
            {
                "UNWONTED_HTTP__PORT": "many",
                "UNWONTED_DETECTORS__RARE_ACTON__ENABLED": "true",
                "UNWONTED_DETECTORS__RARE_ACTION__OPTIONS__HALF_LIFE": "3",
            },
        )
    assert [line.partition(";")[0] for line in caught.value.lines] == [
        "UNWONTED_DETECTORS__RARE_ACTION__OPTIONS__HALF_LIFE: no such option",
        "detectors.rare_acton (UNWONTED_DETECTORS__RARE_ACTON__ENABLED): no such detector",
        "UNWONTED_HTTP__PORT: should be a whole number",
    ]


async def test_a_damaged_snapshot_is_told_of_and_the_one_before_is_looked_into(tmp_path: Path) -> None:
    engine, store = Engine(Options(), [DETECTORS[name]() for name in sorted(DETECTORS)]), FileSnapshotStore(tmp_path)
    state = State(engine, Outbox(), store, SystemClock(), lambda _: None)
    await state.save()
    await state.save()
    (tmp_path / "snapshot.ndjson.gz").write_bytes(b"dust")
    looking = ["state", "inspect"]
    run = CliRunner(env={"UNWONTED_SNAPSHOTS__PATH": str(tmp_path)})
    result = await asyncio.to_thread(run.invoke, main, looking)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"{tmp_path}: snapshot.ndjson.gz: damaged or cut off")
    assert json.loads(result.stdout)["records"] == 0
    (tmp_path / "snapshot.previous.ndjson.gz").write_bytes(b"dust")
    assert (await asyncio.to_thread(run.invoke, main, looking)).exit_code == 1


@pytest.mark.parametrize("value", ["0", "-3", "nan", "inf"])
def test_a_half_life_that_cannot_be_is_an_error_and_no_traceback(value: str) -> None:
    with pytest.raises(SettingsError, match="UNWONTED_DETECTORS__RARE_ACTION__OPTIONS__HALF_LIFE_DAYS: should be"):
        load(None, {"UNWONTED_DETECTORS__RARE_ACTION__OPTIONS__HALF_LIFE_DAYS": value})


def test_every_own_option_of_a_detector_is_described() -> None:
    page = (Path(__file__).parents[2] / "docs/detections.md").read_text(encoding="utf-8")
    options = {option for name in DETECTORS for option in own_options(name)}
    assert {option for option in options if f"| `{option}`" not in page} == set()
