"""The service's own messages, as its golden files hold them, judged by the receiver's rules."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.receiver.checks import cloud_event_faults, slack_refusal, teams_faults

GOLDEN = Path(__file__).parents[2] / "service" / "sinks" / "golden"
MESSAGE = re.compile(r"^# \S+ (.+)\n", re.MULTILINE)


def messages(sink: str) -> Iterator[tuple[str, str, object]]:
    """Yield name, content type and payload of each golden message of a sink."""
    for path in sorted(GOLDEN.glob(f"{sink}-*.txt")):
        _, *parts = MESSAGE.split(path.read_text())
        for content_type, text in zip(parts[::2], parts[1::2], strict=True):
            yield path.stem, content_type, json.loads(text)


@pytest.mark.parametrize("sink", ["teams", "slack", "webhook"])
def test_there_are_golden_messages_to_judge(sink: str) -> None:
    assert len(list(messages(sink))) >= 10


def test_teams_would_show_every_card() -> None:
    for name, _, payload in messages("teams"):
        size = len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
        assert teams_faults(payload, size) == [], name


def test_slack_would_take_every_message() -> None:
    for name, _, payload in messages("slack"):
        assert slack_refusal(payload) is None, name


def test_every_webhook_message_is_a_cloud_event() -> None:
    for name, content_type, payload in messages("webhook"):
        assert cloud_event_faults(payload, content_type) == [], name
