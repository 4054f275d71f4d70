"""Every option in config/unwonted.yaml is read by whatever builds or runs the service: none is decoration."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from models.detectors.registry import DETECTORS
from service.cli.commands import main
from service.options.values import Section
from service.settings.detectors import DetectorSettings
from service.settings.root import Settings
from service.settings.sections import LogSettings
from service.sinks.registry import INTEGRATIONS, KINDS
from service.wiring import build_components
from tests.service.sinks.kinds import POSTED, configured

HUB = "Endpoint=sb://x.example;SharedAccessKeyName=a;SharedAccessKey=bbbbbbbb;EntityPath=h"
ACCOUNT = f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={'QUJD' * 8};BlobEndpoint=http://127.0.0.1:1/a;"
SINKS: dict[str, Any] = {
    "cards": {"kind": "stdout"},
    "team": {"kind": "teams", "url_file": "/nowhere"},
    "channel": {"kind": "slack", "url_file": "/nowhere"},
    "hook": {"kind": "webhook", "url_file": "/nowhere", "secret_file": "/nowhere"},
    "ticket": {
        "kind": "template",
        "url_file": "/nowhere",
        "header_files": {"Authorization": "/nowhere"},
        "member_files": {"key": "/nowhere"},
    },
    "mail": {
        "kind": "email",
        "host": "smtp.example.com",
        "sender": "a@example.com",
        "recipients": ["b@example.com"],
        "password_file": "/nowhere",
    },
    "events": {"kind": "event_hub", "namespace": "y.example", "hub": "alerts"},
    "other_team": {"kind": "teams", "url": "https://x.logic.azure.com/x"},
    "other_channel": {"kind": "slack", "url": "https://hooks.slack.com/x"},
    "other_hook": {"kind": "webhook", "url": "https://example.com/x", "secrets": ["whsec_" + "QUJD" * 8]},
}
"""Between them, these use every place that an address or a secret can be kept in."""
SINKS |= {f"each_{kind}": configured(kind) for kind in KINDS}
SINKS |= {f"posted_{kind}": configured(kind, url="https://127.0.0.1/x") for kind in POSTED}
PLACES: list[dict[str, Any]] = [
    {
        "snapshots": {"kind": "file"},
        "dead_letter": {"kind": "file"},
        "event_hub": {"connection_string": HUB},
        "console": {"enabled": True, "public_url": "https://x.example"},
        "sign_in": {"issuer": "https://login.example", "client_id": "c", "client_secret_file": "/nowhere"},
    },
    {
        "snapshots": {"kind": "blob", "connection_string": ACCOUNT},
        "dead_letter": {"kind": "blob", "account_url": "https://x.blob.core.windows.net"},
        "event_hub": {"namespace": "x.example", "hub": "h"},
    },
    {
        "snapshots": {"kind": "blob", "account_url": "https://x.blob.core.windows.net"},
        "dead_letter": {"kind": "blob", "connection_string": ACCOUNT},
        "event_hub": {"connection_string": HUB},
    },
]


def all_options() -> set[tuple[type[Section], str]]:
    """Return each option: the class of its section, and its name."""
    sections: set[type[Section]] = {DetectorSettings, *(one.settings for one in INTEGRATIONS)}
    for field in Settings.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            sections.add(field.annotation)
    return {(section, name) for section in sections for name in section.model_fields}


@contextmanager
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[tuple[type[Section], str]]]:
    """Note every option that anybody looks up."""
    noted: set[tuple[type[Section], str]] = set()

    def lookup(section: Section, name: str) -> Any:
        if name in type(section).__pydantic_fields__:
            noted.add((type(section), name))
        return object.__getattribute__(section, name)

    with monkeypatch.context() as patch:
        patch.setattr(Section, "__getattribute__", lookup, raising=False)
        yield noted


async def built(settings: Settings) -> None:
    async def nothing() -> None:
        return None

    parts = build_components(settings)
    parts.open_source(lambda _: None)
    parts.open_dispatcher(nothing)
    for sink in parts.sinks:
        await sink.close()
    await parts.resources.aclose()


def test_every_option_is_read_by_what_it_configures(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {"detectors": {name: {} for name in DETECTORS}, "sinks": SINKS}
    configured = [Settings.model_validate({**shared, **places}) for places in PLACES]
    with reads(monkeypatch) as noted:
        for settings in configured:
            asyncio.run(built(settings))
    assert {option for option in all_options() - noted if option[0] is not LogSettings} == set()


def test_the_options_of_the_log_are_read_by_the_command_that_sets_it_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr("service.cli.run.configure", lambda **arguments: given.update(arguments))
    file = tmp_path / "unwonted.yaml"
    file.write_text("log: {level: error, format: json}")
    result = CliRunner().invoke(main, ["run", "--config", str(file)])
    assert result.exit_code == 2
    assert (given["level"], given["style"]) == ("error", "json")
    assert set(LogSettings.model_fields) == {"level", "format"}
