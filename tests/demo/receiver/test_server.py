import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession
from standardwebhooks import Webhook

from demo.receiver import Fault, Receiver
from service.clock import SystemClock

pytestmark = pytest.mark.integration  # every test here opens sockets

CARD = {
    "type": "message",
    "attachments": [
        {
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": "hello"}]},
        }
    ],
}
EVENT = {"specversion": "1.0", "id": "1", "source": "/unwonted", "type": "alert"}
SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four bytes").decode()


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def post(client: ClientSession, url: str, payload: object, **headers: str) -> tuple[int, str]:
    body = json.dumps(payload).encode()
    async with client.post(url, data=body, headers={"content-type": "application/json", **headers}) as answer:
        return answer.status, await answer.text()


async def test_it_answers_as_teams_and_slack_do_and_keeps_what_came(client: ClientSession) -> None:
    async with Receiver() as receiver:
        assert await post(client, receiver.teams_url, CARD) == (202, "")
        assert await post(client, receiver.slack_url, {"text": "hello"}) == (200, "ok")

        first, second = receiver.received
        assert (first.number, first.kind, first.payload, first.status, first.problems) == (1, "teams", CARD, 202, ())
        assert first.headers["content-type"] == "application/json"
        assert (second.kind, second.shown) == ("slack", True)


async def test_teams_accepts_a_card_that_it_will_not_show(client: ClientSession) -> None:
    async with Receiver() as receiver:
        status, _ = await post(client, receiver.teams_url, {"type": "message", "attachments": []})

        assert status == 202
        assert receiver.received[0].problems == ("attachments: needs at least one card",)
        assert receiver.of("teams") == []


async def test_a_body_that_is_no_json_is_refused_everywhere(client: ClientSession) -> None:
    async with Receiver() as receiver:
        for url, text in (
            (receiver.teams_url, "InvalidRequestContent"),
            (receiver.slack_url, "invalid_payload"),
            (receiver.webhook_url, "content-type: should be application/cloudevents+json"),
        ):
            async with client.post(url, data=b"{") as answer:
                assert answer.status == 400
                assert text in await answer.text()

        assert [entry.shown for entry in receiver.received] == [False] * 3


async def test_the_webhook_takes_only_what_the_secret_has_signed(client: ClientSession) -> None:
    async with Receiver(secret=SECRET) as receiver:
        now = SystemClock().now()
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign("msg_1", now, json.dumps(EVENT)),
        }

        assert await post(client, receiver.webhook_url, EVENT, **headers) == (200, "")
        assert await post(client, receiver.webhook_url, {**EVENT, "id": "2"}, **headers) == (
            401,
            "no signature matches",
        )
        assert [entry.payload for entry in receiver.of("webhook")] == [EVENT]


async def test_planned_faults_come_in_order_and_end(client: ClientSession) -> None:
    async with Receiver() as receiver:
        receiver.fail("slack", Fault(429, "rate_limited", {"Retry-After": "7"}), times=2)
        receiver.fail("slack", Fault(None, delay=0.01))

        answers = [await post(client, receiver.slack_url, {"text": str(number)}) for number in range(4)]

        assert answers == [(429, "rate_limited"), (429, "rate_limited"), (200, "ok"), (200, "ok")]
        assert [entry.payload for entry in receiver.of("slack")] == [{"text": "2"}, {"text": "3"}]


async def test_a_fault_can_cut_the_connection(client: ClientSession) -> None:
    async with Receiver() as receiver:
        receiver.fail("teams", Fault(0))

        with pytest.raises(ClientConnectionError):
            await post(client, receiver.teams_url, CARD)
        assert await post(client, receiver.teams_url, CARD) == (202, "")
        assert [entry.status for entry in receiver.received] == [0, 202]


async def test_beyond_the_real_rates_it_throttles_if_asked_to(client: ClientSession) -> None:
    async with Receiver(throttle=True) as receiver:
        answers = [await post(client, receiver.slack_url, {"text": "hello"}) for _ in range(2)]

        assert answers == [(200, "ok"), (429, "rate_limited")]


async def test_it_can_be_away_and_come_back_at_the_same_address(client: ClientSession) -> None:
    receiver = Receiver()
    await receiver.start()
    url = receiver.slack_url
    await receiver.stop()
    with pytest.raises(ClientConnectionError):
        await post(client, url, {"text": "lost"})
    async with receiver:
        assert await post(client, url, {"text": "found"}) == (200, "ok")
        assert [entry.payload for entry in receiver.received] == [{"text": "found"}]


async def events(client: ClientSession, receiver: Receiver, count: int, last: int = 0) -> list[dict[str, Any]]:
    found = []
    async with client.get(f"{receiver.page_url}messages", headers={"Last-Event-ID": str(last)}) as stream:
        async for line in stream.content:
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:]))
                if len(found) == count:
                    break
    return found


async def test_the_page_hears_what_came_before_and_what_comes(client: ClientSession) -> None:
    async with Receiver() as receiver:
        await post(client, receiver.slack_url, {"text": "before"})
        listening = asyncio.create_task(events(client, receiver, 2))
        await post(client, receiver.slack_url, {"text": "after"})

        heard = await listening

        assert [entry["payload"]["text"] for entry in heard] == ["before", "after"]
        assert [entry["number"] for entry in await events(client, receiver, 1, last=1)] == [2]


async def test_the_page_is_complete_as_soon_as_it_has_loaded(client: ClientSession) -> None:
    async with Receiver() as receiver:
        await post(client, receiver.slack_url, {"text": "before"})
        async with client.get(f"{receiver.page_url}messages.js") as answer:
            script = await answer.text()
        async with client.get(f"{receiver.page_url}messages?after=0") as stream:
            line = (await stream.content.readline(), await stream.content.readline())[1]

        (shown,) = json.loads(script.removeprefix("globalThis.already = ").removesuffix(";"))
        assert shown["payload"] == {"text": "before"}
        assert json.loads(line.removeprefix(b"data: ")) == shown


async def test_the_page_may_run_only_its_own_scripts(client: ClientSession) -> None:
    async with Receiver() as receiver:
        async with client.get(receiver.page_url) as answer:
            assert answer.status == 200
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            html = await answer.text()
        for name in ("page.css", "page.js", "teams.js", "slack.js", "dom.js"):
            async with client.get(f"{receiver.page_url}static/{name}") as answer:
                assert answer.status == 200
        assert "unpkg" not in html
        assert "//" not in html.replace("<!doctype html>", "")


async def test_without_a_page_only_the_hooks_are_there(client: ClientSession) -> None:
    async with Receiver(public_page=False) as receiver, client.get(receiver.page_url) as answer:
        assert answer.status == 404
