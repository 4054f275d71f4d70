import json
import re

import pytest
from slack_sdk.models.blocks import Block

from service.core.ports import Receipt
from service.sinks.posting.http_post import Answer
from service.sinks.slack.answers import classify
from service.sinks.slack.rendering import MESSAGE
from service.sinks.slack.sink import SlackSink
from tests.fakes.alerts import HOSTILE_NAMES, alert, hostile, outage
from tests.fakes.receiver import posts_to

LINK = re.compile(r"<(https://portal\.azure\.com/#blade/[^|<>\s]+)\|(Activity log|KQL query)>")


def sink() -> SlackSink:
    return SlackSink("chat", posts_to("https://unused"))


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_whatever_a_name_holds_slack_sees_plain_text_within_its_limits(name: str) -> None:
    messages = sink().render([*(hostile(name, number) for number in range(1, 40)), outage(40, name=name)])
    assert 1 <= len(messages) <= 3
    for message in messages:
        assert len(message.body.decode()) <= MESSAGE
        body = json.loads(message.body)
        assert not re.search(r"[<>]", body["text"])
        assert body["unfurl_links"] is False
        assert len(body["blocks"]) <= 50
        for block in body["blocks"]:
            parsed = Block.parse(block)
            assert parsed is not None
            parsed.validate_json()
            for text in (block.get("text"), *block.get("elements", []), *block.get("fields", [])):
                if text is None:
                    continue
                assert 1 <= len(text["text"]) <= 3000
                if text["type"] == "plain_text":
                    assert text["emoji"] is False
                else:
                    assert LINK.sub("", text["text"]).strip(" ·") == "", "only links of our own are marked up"


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_a_hostile_name_cannot_hide_what_its_owner_did(name: str) -> None:
    [message] = sink().render([hostile(name)])
    assert "Never seen from" in message.body.decode()


def test_more_than_fits_is_told_briefly_and_then_counted() -> None:
    alerts = [alert(number) for number in range(1, 1001)]
    messages = sink().render(alerts)
    assert len(messages) == 3
    assert sorted(pair for message in messages for pair in message.alerts) == [(a.id, 1) for a in alerts]
    text = b"".join(message.body for message in messages).decode()
    shown = sum(a.id in text for a in alerts)
    assert f"{1000 - shown} more not shown." in text


def test_a_message_does_not_end_in_a_divider() -> None:
    for count in (1, 2, 60):
        for message in sink().render([alert(number) for number in range(1, count + 1)]):
            assert json.loads(message.body)["blocks"][-1]["type"] == "context"


@pytest.mark.parametrize(
    ("answer", "receipt"),
    [
        (Answer(200, "ok", None), Receipt("sent", "http_200")),
        (Answer(200, "ok\n", None), Receipt("sent", "http_200")),
        (Answer(200, "<html>Sign in</html>", None), Receipt("broken", "answer_not_ok")),
        (Answer(200, "", None), Receipt("broken", "answer_not_ok")),
        (Answer(202, "ok", None), Receipt("broken", "answer_not_ok")),
        (Answer(400, "invalid_payload", None), Receipt("refused", "invalid_payload")),
        (Answer(400, "invalid_blocks", None), Receipt("refused", "invalid_blocks")),
        (Answer(400, "no_service", None), Receipt("broken", "no_service")),
        (Answer(403, "action_prohibited", None), Receipt("broken", "action_prohibited")),
        (Answer(404, "channel_not_found", None), Receipt("broken", "channel_not_found")),
        (Answer(410, "channel_is_archived", None), Receipt("broken", "channel_is_archived")),
        (Answer(400, "something https://hooks.slack.com/services/x", None), Receipt("refused", "http_400")),
        (Answer(429, "rate_limited", 30.0), Receipt("retry", "http_429", 30.0)),
        (Answer(500, "rollup_error", None), Receipt("retry", "http_500")),
    ],
)
def test_slack_answers_in_words(answer: Answer, receipt: Receipt) -> None:
    assert classify(answer) == receipt
