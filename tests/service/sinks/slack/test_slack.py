import json
import re

import pytest
from slack_sdk.models.blocks import Block

from service.core.ports import Receipt
from service.sinks.content.alert_content import Links
from service.sinks.posting.http_post import Answer
from service.sinks.slack.answers import classify
from service.sinks.slack.rendering import MESSAGE, shortened
from service.sinks.slack.sink import SlackSink
from tests.fakes.alerts import HOSTILE_NAMES, alert, finding, hostile, outage
from tests.fakes.receiver import Reply, posts_to, receiving

LINK = re.compile(r"<(https://(?:portal\.azure\.com/#blade|unwonted\.example/alerts)/[^|<>\s]+)\|([\w :]+…?)>")


def sink(url: str = "https://unused") -> SlackSink:
    return SlackSink("chat", posts_to(url), Links(console="https://unwonted.example"))


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
            texts = [block.get("text"), *block.get("elements", []), *block.get("fields", [])]
            if block["type"] == "rich_text":
                [section] = texts[1:]
                assert section["type"] == "rich_text_section"
                assert {run["type"] for run in section["elements"]} == {"text"}, "neither links nor mentions"
                assert all(1 <= len(run["text"]) <= 3000 for run in section["elements"])
                continue
            for text in texts:
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


def test_the_first_screen_says_who_what_on_which_resource_and_why_and_no_id() -> None:
    [message] = sink().render([alert()])
    header, screen, links, *_ = json.loads(message.body)["blocks"]
    assert header["text"]["text"] == "🔴 High 92: alice@contoso.com: create or change role assignments"
    runs = screen["elements"][0]["elements"]
    assert "".join(run["text"] for run in runs).splitlines() == [
        "Who: alice@contoso.com (human)",
        "What: create or change role assignments",
        "On: payments (vaults)",
        (
            "Why: Never seen from alice@contoso.com in 41 active days; 2 of 312 identities ever did it. "
            "Usually: read virtual machines, restart virtual machines."
        ),
    ]
    assert [run["text"] for run in runs if "style" in run] == ["payments"]
    assert [label for _, label in LINK.findall(links["text"]["text"])] == [
        "Open in console",
        "Fine: learn it",
        "Suppress…",
    ]


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_links_never_make_a_section_that_slack_refuses(name: str) -> None:
    scope = f"/subscriptions/{name}"
    told = tuple(
        finding(scopes=(f"{scope}{one}",), correlations=(f"{one}{name}",), action=f"{name}{one}") for one in range(10)
    )
    [message] = SlackSink(
        "chat",
        posts_to("https://unused"),
        Links(workspace="/w" * 700, runbook_url="https://wiki.example/" + "r" * 2_990),
    ).render([hostile(name).model_copy(update={"findings": told})])
    sections = [one["text"]["text"] for one in json.loads(message.body)["blocks"] if one["type"] == "section"]
    assert max(map(len, sections)) <= 3_000
    assert any("|Activity log>" in one for one in sections)
    assert not any("|Runbook>" in one for one in sections), "it fits into none"


@pytest.mark.parametrize(("status", "word"), [(400, "invalid_blocks"), (400, "msg_too_long"), (413, "too large")])
async def test_what_slack_refuses_for_its_form_is_told_once_more_in_short(status: int, word: str) -> None:
    async with receiving([Reply(status, word), Reply()]) as receiver:
        chat = sink(receiver.url)
        [message] = chat.render([hostile(HOSTILE_NAMES["slack_mention"])])
        receipt = await chat.send(message)
        await chat.close()
    assert receipt.outcome == "sent"
    assert receipt.reason.startswith("plain_after_")
    whole, short = (json.loads(heard.body) for heard in receiver.heard)
    assert "blocks" in whole
    assert short.keys() == {"text", "unfurl_links", "unfurl_media"}
    assert short["text"].startswith(whole["text"])
    assert message.alerts[0][0] in short["text"]
    assert not re.search("[<>]", short["text"])


async def test_what_slack_refuses_in_short_as_well_is_refused_and_what_it_is_too_busy_for_waits() -> None:
    async with receiving([Reply(400, "invalid_blocks"), Reply(400, "invalid_payload")]) as receiver:
        chat = sink(receiver.url)
        [message] = chat.render([alert(number) for number in (1, 2)])
        assert await chat.send(message) == Receipt("refused", "invalid_blocks")
        receiver.replies = [Reply(400, "invalid_blocks"), Reply(429, headers={"Retry-After": "7"})]
        assert await chat.send(message) == Receipt("retry", "http_429", 7.0)
        receiver.replies = [Reply(400, "no_service")]
        receiver.heard.clear()
        assert await chat.send(message) == Receipt("broken", "no_service")
        await chat.close()
    assert len(receiver.heard) == 1, "who is gone is not asked for less"


def test_a_short_message_names_the_first_of_many() -> None:
    message = sink().render([alert(number) for number in range(1, 31)])[0]
    many = message._replace(alerts=tuple((f"a{one}", 1) for one in range(30)))
    assert "a9 and 20 more." in json.loads(shortened(many))["text"]


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
