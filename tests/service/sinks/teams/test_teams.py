import asyncio
import json
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError

from service.core.ports import Receipt
from service.sinks.content.alert_content import Links
from service.sinks.posting.http_post import Answer
from service.sinks.teams.answers import classify
from service.sinks.teams.rendering import BUDGET
from service.sinks.teams.sink import AUDIENCE, TeamsSink
from tests.fakes.alerts import HOSTILE_NAMES, alert, hostile, outage
from tests.fakes.receiver import Reply, posts_to, receiving

Json = Any  # what json.loads gives

# What Teams renders of Adaptive Cards 1.4 and we make use of, with the properties that the schema requires.
REQUIRED = {
    "AdaptiveCard": {"version", "body"},
    "Container": {"items"},
    "TextBlock": {"text"},
    "RichTextBlock": {"inlines"},
    "TextRun": {"text"},
    "ActionSet": {"actions"},
    "Action.OpenUrl": {"url", "title"},
    "Action.ToggleVisibility": {"targetElements"},
}
OURS = {"Check next"}
OURS_TO_OPEN = ("https://portal.azure.com/#blade/Microsoft_Azure_", "https://unwonted.example/alerts/a1e27")


def sink(url: str = "https://unused") -> TeamsSink:
    return TeamsSink("team", posts_to(url), Links(console="https://unwonted.example"))


def nodes(value: Json) -> Iterator[dict[str, Json]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


def card(body: bytes) -> Json:
    envelope = json.loads(body)
    assert envelope["type"] == "message"
    [attachment] = envelope["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    return attachment["content"]


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_whatever_a_name_holds_the_card_keeps_its_shape_and_size(name: str) -> None:
    messages = sink().render([*(hostile(name, number) for number in range(1, 40)), outage(40, name=name)])
    assert 1 <= len(messages) <= 3
    for message in messages:
        assert len(message.body) <= BUDGET
        assert len(json.dumps(json.loads(message.body), separators=(",", ":"))) <= BUDGET, "as the flow may expand it"
        content = card(message.body)
        assert content["version"] == "1.4"
        for node in nodes(content):
            if "type" in node:
                assert REQUIRED[node["type"]] <= node.keys()
            if node.get("type") == "TextBlock":
                assert node["text"] in OURS or node["text"][0].isdigit(), "Markdown would reach what an outsider wrote"
            if node.get("type") == "Action.OpenUrl":
                assert node["url"].startswith(OURS_TO_OPEN)
                assert node["url"].isascii()
                assert not set(node["url"]) & set(' "<>|\\`[]{}')


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_a_hostile_name_cannot_hide_what_its_owner_did(name: str) -> None:
    [message] = sink().render([hostile(name)])
    text = message.body.decode()
    assert "Never seen from" in text
    assert "Check next" in text


def shown(node: Json) -> list[str]:
    """Return the lines of text that are seen before anything is unfolded."""
    if isinstance(node, list):
        return [line for one in node for line in shown(one)]
    if node.get("isVisible", True) is False:
        return []
    if node["type"] == "RichTextBlock":
        return ["".join(run["text"] for run in node["inlines"])]
    return shown([*node.get("body", []), *node.get("items", [])])


def test_the_first_screen_says_who_what_on_which_resource_and_why_and_no_id() -> None:
    [message] = sink().render([alert()])
    assert shown(card(message.body)) == [
        "High 92: alice@contoso.com: create or change role assignments",
        "Who  alice@contoso.com (human)",
        "What  create or change role assignments",
        "On  payments (vaults)",
        (
            "Why  Never seen from alice@contoso.com in 41 active days; 2 of 312 identities ever did it. "
            "Usually: read virtual machines, restart virtual machines."
        ),
        "Alert a1e2700000000001",
    ]
    bold = [node["text"] for node in nodes(card(message.body)) if node.get("weight") == "Bolder"]
    assert "payments" in bold


def test_its_buttons_lead_into_the_console_and_unfold_the_rest_of_their_own_alert() -> None:
    [message] = sink().render([alert(1), alert(2)])
    found = list(nodes(card(message.body)))
    titles = [node["title"] for node in found if node.get("type", "").startswith("Action.")]
    assert titles[:4] == ["Open in console", "Fine: learn it", "Suppress…", "Details"]
    targets = [one for node in found for one in node.get("targetElements", [])]
    assert sorted(targets) == sorted(node["id"] for node in found if "id" in node)
    assert len(set(targets)) == 2


def test_what_teams_would_not_open_is_no_button() -> None:
    links = Links(console="http://localhost:8090", runbook_url="http://wiki.contoso.com")
    [message] = TeamsSink("team", posts_to("https://unused"), links).render([alert()])
    titles = [node["title"] for node in nodes(card(message.body)) if node.get("type", "").startswith("Action.")]
    assert titles == ["Details", "Activity log", "KQL query"]


def test_without_a_console_there_is_no_button_into_it() -> None:
    [message] = TeamsSink("team", posts_to("https://unused")).render([alert()])
    assert b"Fine: learn it" not in message.body
    assert b"Details" in message.body


@pytest.mark.parametrize("status", [400, 413])
async def test_a_card_that_is_refused_is_told_once_more_in_short(status: int) -> None:
    async with receiving([Reply(status), Reply(202, "")]) as receiver:
        team = sink(receiver.url)
        [message] = team.render([hostile(HOSTILE_NAMES["markdown"])])
        assert await team.send(message) == Receipt("sent", f"plain_after_http_{status}")
        await team.close()
    whole, short = (card(heard.body) for heard in receiver.heard)
    first, second = shown(short)
    assert first == shown(whole)[0]
    assert message.alerts[0][0] in second
    assert not any(node.get("type") == "TextBlock" for node in nodes(short)), "Markdown would reach a name"


def test_one_evaluation_is_one_message_if_it_fits() -> None:
    assert len(sink().render([alert(1), alert(2), alert(3)])) == 1


def test_more_than_fits_is_told_briefly_and_then_counted() -> None:
    alerts = [alert(number) for number in range(1, 1001)]
    messages = sink().render(alerts)
    assert len(messages) == 3
    told = [pair for message in messages for pair in message.alerts]
    assert sorted(told) == [(a.id, 1) for a in alerts], "each alert is told exactly once"
    text = b"".join(message.body for message in messages).decode()
    shown = sum(a.id in text for a in alerts)
    assert f"{1000 - shown} more not shown." in messages[-1].body.decode()
    assert "997 identities" not in messages[0].body.decode()
    assert "(1 of 3)" in messages[0].body.decode()


def test_the_worst_comes_first() -> None:
    messages = sink().render([alert(number) for number in (3, 1, 2)])
    assert [id_ for message in messages for id_, _ in message.alerts] == [alert(n).id for n in (1, 2, 3)]


def test_links_can_be_left_out() -> None:
    bare = TeamsSink("team", posts_to("https://unused"), Links(portal=False))
    assert b"Action.OpenUrl" not in bare.render([alert()])[0].body


@pytest.mark.parametrize(
    ("answer", "receipt"),
    [
        (Answer(202, "", None), Receipt("sent", "http_202")),
        (Answer(200, "1", None), Receipt("sent", "http_200")),
        (Answer(200, '{"id":"x","error":null}', None), Receipt("sent", "http_200")),
        (
            Answer(200, "Webhook message delivery failed with error: Teams endpoint returned HTTP error 429", 7.0),
            Receipt("retry", "http_429", 7.0),
        ),
        (Answer(200, "failed: endpoint returned HTTP error 404 with x", None), Receipt("broken", "http_404")),
        (Answer(202, '{"error":{"code":"RateLimitExceeded"}}', 9.0), Receipt("retry", "throttled", 9.0)),
        (Answer(202, '{"error":{"code":"BadRequest"}}', None), Receipt("refused", "error_in_body")),
        (Answer(400, '{"error":{"code":"WorkflowTriggerIsNotEnabled"}}', None), Receipt("broken", "flow_disabled")),
        (Answer(400, '{"error":{"code":"TriggerInputSchemaMismatch"}}', None), Receipt("refused", "http_400")),
        (Answer(401, '{"error":{"code":"DirectApiAuthorizationRequired"}}', None), Receipt("broken", "http_401")),
    ],
)
def test_an_answer_is_taken_at_its_word(answer: Answer, receipt: Receipt) -> None:
    assert classify(answer) == receipt


async def test_nobody_waits_for_a_token_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = Credential()
    hangs.get_token = lambda *_, **__: asyncio.Event().wait()  # type: ignore[method-assign, assignment]
    monkeypatch.setattr("service.sinks.teams.sink.TOKEN_SECONDS", 0.05)
    team = TeamsSink("team", posts_to("https://unused"), credential=hangs)
    assert await team.send(team.render([alert()])[0]) == Receipt("retry", "entra_token")
    await team.close()


class Credential(AsyncTokenCredential):
    def __init__(self, *tokens: str) -> None:
        self._tokens = list(tokens)
        self.asked: list[str] = []
        self.closed = False

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.asked += scopes
        if not self._tokens:
            raise ClientAuthenticationError("no identity endpoint")
        return AccessToken(self._tokens.pop(0), 0)

    async def close(self) -> None:
        self.closed = True

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


async def test_a_flow_that_wants_to_know_who_calls_is_told() -> None:
    credential = Credential("t0ken")
    async with receiving() as receiver:
        team = TeamsSink("team", posts_to(receiver.url), credential=credential)
        message = team.render([alert()])[0]
        assert (await team.send(message)).outcome == "sent"
        assert await team.send(message) == Receipt("retry", "entra_token")
        await team.close()
    [heard] = receiver.heard
    assert heard.headers["authorization"] == "Bearer t0ken"
    assert credential.asked == [AUDIENCE, AUDIENCE]
    assert credential.closed
