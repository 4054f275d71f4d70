import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from demo.receiver.checks import cloud_event_faults, signature_fault, slack_refusal, teams_faults

SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four bytes").decode()
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def envelope(*body: object, version: str = "1.4", actions: object = ()) -> dict[str, object]:
    card = {"type": "AdaptiveCard", "version": version, "body": list(body), "actions": actions}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


TEXT = {"type": "TextBlock", "text": "hello"}


def test_a_card_with_nested_elements_and_a_link_is_shown() -> None:
    facts = {"type": "FactSet", "facts": [{"title": "Who", "value": "Dana"}]}
    columns = {"type": "ColumnSet", "columns": [{"type": "Column", "items": [TEXT]}]}
    link = {"type": "Action.OpenUrl", "title": "Portal", "url": "https://portal.azure.com/"}

    assert teams_faults(envelope({"type": "Container", "items": [columns, facts]}, actions=[link]), 900) == []


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ([], "type: should be message"),
        ({"type": "MessageCard"}, "type: should be message"),
        ({"type": "message"}, "attachments: needs at least one card"),
        ({"type": "message", "attachments": ["card"]}, "attachments: should be objects"),
        (envelope(), "body: should hold elements"),
        (envelope(TEXT, version="1.6"), "version: '1.6' is not shown by Teams"),
        (envelope({"type": "Marquee"}), "body: unknown element 'Marquee'"),
        (envelope({"type": "TextBlock"}), "TextBlock: needs a text"),
        (envelope({"type": "Table", "rows": []}), "body: a Table needs version 1.5"),
        (envelope({"type": "FactSet", "facts": [{"title": "Who"}]}), "FactSet: each fact needs a title and a value"),
        (envelope({"type": "Container", "items": [{"type": "TextBlock", "text": 1}]}), "TextBlock: needs a text"),
        (
            envelope(TEXT, actions=[{"type": "Action.Submit"}]),
            "actions: 'Action.Submit' does nothing in a card from a webhook",
        ),
        (
            envelope(TEXT, actions=[{"type": "Action.OpenUrl", "url": "javascript:alert(1)"}]),
            "Action.OpenUrl: needs an https address",
        ),
        (
            envelope(TEXT, actions=[{"type": "Action.ShowCard", "card": {"type": "AdaptiveCard"}}]),
            "body: should hold elements",
        ),
    ],
)
def test_a_card_that_people_would_not_see_says_why(payload: object, fault: str) -> None:
    assert teams_faults(payload, 900) == [fault]


def test_a_flow_expands_the_card_before_it_measures_it() -> None:
    assert teams_faults(envelope(TEXT), 24_200) == []
    assert teams_faults(envelope(TEXT), 24_453) == ["size: 24,453 bytes grow beyond the 28,672 that Teams shows"]


def section(text: str, kind: str = "mrkdwn") -> dict[str, object]:
    return {"type": "section", "text": {"type": kind, "text": text}}


def rich(*runs: object) -> dict[str, object]:
    elements = [{"type": "text", "text": run} if isinstance(run, str) else run for run in runs]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def test_slack_takes_the_blocks_that_alerts_use() -> None:
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "h" * 150}},
        section("s" * 3_000),
        {"type": "section", "fields": [{"type": "plain_text", "text": "f" * 500}] * 10},
        {"type": "divider"},
        rich("t", {"type": "text", "text": "b", "style": {"bold": True}}),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}]},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Portal"}, "url": "https://a.example"}
            ],
        },
    ]

    assert slack_refusal({"text": "t", "blocks": blocks}) is None
    assert slack_refusal({"text": "t", "attachments": [{"color": "#aa0000", "blocks": blocks}]}) is None


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("hello", "invalid_payload"),
        ({}, "no_text"),
        ({"blocks": "none"}, "invalid_blocks"),
        ({"blocks": [section("x")] * 51}, "invalid_blocks"),
        ({"blocks": [section("x" * 3_001)]}, "invalid_blocks"),
        ({"blocks": [section("")]}, "invalid_blocks"),
        ({"blocks": [section("x", kind="html")]}, "invalid_blocks"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "context", "elements": []}]}, "invalid_blocks"),
        ({"blocks": [{"type": "actions", "elements": [{"type": "button"}]}]}, "invalid_blocks"),
        ({"blocks": [rich()]}, "invalid_blocks"),
        ({"blocks": [rich("")]}, "invalid_blocks"),
        ({"blocks": [rich({"type": "user", "user_id": "U1"})]}, "invalid_blocks"),
        ({"blocks": [{"type": "rich_text", "elements": [{"type": "marquee"}]}]}, "invalid_blocks"),
        ({"attachments": [{"blocks": [{"type": "marquee"}]}]}, "invalid_blocks"),
        ({"blocks": [section("x" * 3_000)] * 5}, "msg_blocks_too_long"),
    ],
)
def test_slack_refuses_with_its_own_code(payload: object, code: str) -> None:
    assert slack_refusal(payload) == code


def test_a_cloud_event_needs_its_type_of_content_and_its_four_attributes() -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/unwonted", "type": "alert"}

    assert cloud_event_faults(event, "application/cloudevents+json; charset=utf-8") == []
    assert cloud_event_faults({**event, "id": ""}, "application/json") == [
        "content-type: should be application/cloudevents+json",
        "id: should be a text",
    ]
    assert "specversion: should be 1.0" in cloud_event_faults([], "application/cloudevents+json")


def signed(body: bytes, time: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    """Headers as the specification's own library makes them."""
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(time.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", time, body.decode()),
    }


def test_a_signature_by_the_specifications_own_library_holds() -> None:
    assert signature_fault(signed(b'{"a":1}'), b'{"a":1}', SECRET, NOW) is None


def test_one_good_signature_among_several_is_enough_for_rotation() -> None:
    headers = signed(b"{}")
    headers["webhook-signature"] = "v1,b2xk " + headers["webhook-signature"]

    assert signature_fault(headers, b"{}", SECRET, NOW) is None


OTHER = "whsec_" + base64.b64encode(b"another key").decode()


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ({}, "header webhook-id is missing"),
        ({**signed(b"{}"), "webhook-timestamp": "noon"}, "webhook-timestamp or the secret cannot be read"),
        (signed(b"{}", NOW - timedelta(minutes=6)), "webhook-timestamp is too far from now"),
        (signed(b"{ }"), "no signature matches"),
        (signed(b"{}", secret=OTHER), "no signature matches"),
        ({**signed(b"{}"), "webhook-id": "msg_2"}, "no signature matches"),
    ],
)
def test_a_signature_that_does_not_hold_says_why(headers: Mapping[str, str], fault: str) -> None:
    assert signature_fault(headers, b"{}", SECRET, NOW) == fault
