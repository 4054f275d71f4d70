"""When there is a console, and which configurations of one are refused."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from service.console.server import Console
from service.settings.reading import SettingsError, load
from service.wiring.console import build_console
from tests.fakes.clock import FakeClock


def built(tmp_path: Path, yaml: str) -> Console | None:
    path = tmp_path / "unwonted.yaml"
    path.write_text(yaml)
    return build_console(load(path, {}), FakeClock(), AsyncExitStack(), lambda address: None)


def test_there_is_none_unless_somebody_wants_it(tmp_path: Path) -> None:
    assert built(tmp_path, "{}") is None
    console = built(tmp_path, "console: {enabled: true, port: 1234}")
    assert console is not None
    assert console.address == "http://127.0.0.1:1234"


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("console: {enabled: true, host: 0.0.0.0}", "console.host: should be 127.0.0.1, ::1 or localhost"),
        ("console: {enabled: true, host: example.com}", "console.host: should be 127.0.0.1, ::1 or localhost"),
        ("console: {enabled: true}\nhistory: {enabled: false}", "console.enabled needs a history"),
        (
            "console: {enabled: true}\nsnapshots: {kind: blob, account_url: 'https://a.blob.core.windows.net'}",
            "console.enabled needs a history",
        ),
    ],
)
def test_what_could_not_be_safe_or_would_show_nothing_is_refused(tmp_path: Path, yaml: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        built(tmp_path, yaml)
    assert any(said in line for line in refused.value.lines)
