"""The section event_hub as the source's options, with the proxy's password from its file."""

from pathlib import Path

import pytest

from service.settings import Settings, SettingsError
from service.source import Proxy
from service.wiring.source import source_options

HUB = {"namespace": "x.servicebus.windows.net", "hub": "activity-log", "transport": "websocket"}


def test_without_a_proxy_there_is_none_of_it() -> None:
    assert source_options(Settings.model_validate({"event_hub": HUB})).proxy is None


def test_a_proxy_that_asks_for_nothing_is_given_nothing() -> None:
    options = source_options(Settings.model_validate({"event_hub": {**HUB, "proxy": "proxy.example.com:3128"}}))
    assert options.proxy == Proxy("proxy.example.com", 3128, "", "")


def test_the_password_of_a_proxy_is_what_its_file_holds_without_mark_and_newline(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xef\xbb\xbfopen, please\r\n")
    hub = {**HUB, "proxy": "proxy.example.com:3128", "proxy_user": "unwonted", "proxy_password_file": str(file)}
    assert source_options(Settings.model_validate({"event_hub": hub})).proxy == Proxy(
        "proxy.example.com", 3128, "unwonted", "open, please"
    )


def test_a_missing_file_of_that_password_is_named_with_its_option(tmp_path: Path) -> None:
    file = tmp_path / "nowhere"
    hub = {**HUB, "proxy": "proxy.example.com:3128", "proxy_user": "unwonted", "proxy_password_file": str(file)}
    with pytest.raises(SettingsError) as error:
        source_options(Settings.model_validate({"event_hub": hub}))
    assert error.value.lines == [f"event_hub.proxy_password_file: {file}: No such file or directory"]
