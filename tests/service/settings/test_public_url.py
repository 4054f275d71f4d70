"""Where people reach the console: what may be said, and that every sink's alerts lead there."""

import pytest
from pydantic import ValidationError

from service.settings.console import ConsoleSettings
from service.settings.root import Settings


@pytest.mark.parametrize("url", ["https://unwonted.example", "http://localhost:8090", "https://[::1]:8090"])
def test_every_sink_leads_to_the_console(url: str) -> None:
    settings = Settings.model_validate({
        "console": {"public_url": url},
        "sinks": {"a": {"kind": "stdout"}, "b": {"kind": "slack", "url": "https://hooks.slack.com/x"}},
    })  # fmt: skip
    assert [one.links.console for one in settings.sinks.values()] == [url, url]


def test_a_slash_at_its_end_is_nothing() -> None:
    assert ConsoleSettings(public_url="https://Unwonted.example/").public_url == "https://unwonted.example"


def test_where_nothing_is_said_no_alert_leads_anywhere() -> None:
    assert [one.links.console for one in Settings().sinks.values()] == [""]


@pytest.mark.parametrize(
    "url",
    [
        "unwonted.example",
        "https://",
        "https://unwonted.example/soc",
        "http://unwonted.example",
        "https://unwonted.example/?a=b",
        "https://unwonted.example#a",
        "https://ann:secret@unwonted.example",
        "https://unwonted.example:x",
        "https://[unwonted.example",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_address_of_a_console_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="should be https://HOST without a path"):
        ConsoleSettings(public_url=url)
