"""What every registered kind of sink keeps, whatever its receiver: a new kind is held to it by its line alone."""

import ast
import logging
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from service.core.ports import Receipt
from service.core.verdicts.verdict import VerdictKind
from service.sinks.registry import INTEGRATIONS, KINDS
from tests.fakes.alerts import HOSTILE_NAMES, alert, finding, hostile, outage
from tests.fakes.notices import hostile_verdict, notice, verdict_notice
from tests.fakes.receiver import Receiver, Reply
from tests.service.sinks.kinds import MACHINES, PLANTED, POSTED, SIGNING, SINKS, configured, made, posting, sent

FOLDER = Path(__file__).parents[3] / "service" / "sinks"
SHARED = ("content", "integration", "posting")
LARGEST = 2**18 + 1
"""Bytes of a message: the outbox holds a thousand of a sink's; 256 KiB, and the end of a line."""

RETRIED = {408, 425, 429, 500, 501, 502, 503, 504, 507, 511, 599}
BROKEN = {300, 301, 302, 303, 307, 308, 401, 403, 404, 410}
REFUSED = {400, 402, 405, 406, 407, 409, 411, 412, 413, 414, 415, 422, 423, 426, 428, 431, 451}
OUTCOMES = {
    **dict.fromkeys(sorted(RETRIED), "retry"),
    **dict.fromkeys(sorted(BROKEN), "broken"),
    **dict.fromkeys(sorted(REFUSED), "refused"),
    200: "sent",
}


def test_every_kind_is_registered_once_under_its_own_name() -> None:
    assert len(KINDS) == len(INTEGRATIONS)
    for kind, integration in KINDS.items():
        assert configured(kind).kind == kind
        assert integration.settings.__doc__
        assert (FOLDER / kind / "__init__.py").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_knows_what_all_share_and_no_other_kind(kind: str) -> None:
    for path in (FOLDER / kind).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.startswith("service.sinks"):
                    assert name.split(".")[2:3] in [[kind], *([one] for one in SHARED)], f"{path}: {name}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_sink_has_the_name_it_was_given_and_a_pace_that_lets_messages_through(kind: str) -> None:
    assert made(kind).name == kind
    pace = KINDS[kind].pace
    assert pace.per_second is None or pace.per_second > 0
    assert pace.per_hour is None or pace.per_hour > 0


@pytest.mark.parametrize("kind", SINKS)
def test_nothing_to_tell_is_no_message(kind: str) -> None:
    assert SINKS[kind]().render([]) == []


@pytest.mark.parametrize("kind", SINKS)
def test_equal_alerts_give_equal_bytes_in_whatever_order_and_each_is_told_once(kind: str) -> None:
    one, other = SINKS[kind](), SINKS[kind]()
    for count in (1, 11, 60):  # alone, a few, and more than any message shows
        alerts = [alert(number) for number in range(1, count + 1)]
        forward, backward = one.render(alerts), other.render(alerts[::-1])
        assert sorted(forward) == sorted(backward)
        assert sorted(told for message in forward for told in message.alerts) == [(a.id, 1) for a in alerts]
        assert len({message.id for message in forward}) == len(forward)


@pytest.mark.parametrize("kind", SINKS)
def test_equal_notices_give_equal_bytes_and_are_no_alert(kind: str) -> None:
    message = SINKS[kind]().render_notice(notice())
    assert message == SINKS[kind]().render_notice(notice())
    assert message.alerts == ((notice().id, 1),)
    assert message.body


@pytest.mark.parametrize("kind", SINKS)
@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_every_verdict_is_a_message_whatever_its_names(kind: str, name: str) -> None:
    sink, other = SINKS[kind](), SINKS[kind]()
    for found in VerdictKind:
        one = hostile_verdict(name, found)
        message = sink.render_notice(one)
        assert message == other.render_notice(one)
        assert message.alerts == ((one.id, 1),)
        assert 0 < len(message.body) <= LARGEST
        shown = "" if message.content_type in MACHINES else message.body.decode()
        assert not any(hidden in shown for hidden in "\x00\x07\x1b\r\u202e\u2066\u200b\u2028\ud800")


@pytest.mark.parametrize("kind", SINKS)
def test_a_verdict_says_by_whom_why_and_on_which_alert(kind: str) -> None:
    body = SINKS[kind]().render_notice(verdict_notice()).body.decode()
    for said in ("Closed as benign by eve@contoso.com: alice@contoso.com", "she is on call this month", alert().id):
        assert said in body


@pytest.mark.parametrize("kind", SINKS)
def test_a_new_revision_is_a_new_message_and_says_update(kind: str) -> None:
    [first] = SINKS[kind]().render([alert()])
    [second] = SINKS[kind]().render([alert(revision=2)])
    assert first.id != second.id
    assert b"pdate" not in first.body
    assert b"pdate" in second.body


@pytest.mark.parametrize("kind", SINKS)
def test_what_an_alert_does_not_hold_is_counted(kind: str) -> None:
    [message] = SINKS[kind]().render([alert(findings=25, omitted=35)])
    assert b"and 35 more" in message.body


@pytest.mark.slow
@pytest.mark.parametrize("kind", SINKS)
@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_no_name_makes_a_message_too_large_or_impossible(kind: str, name: str) -> None:
    messages = SINKS[kind]().render([*(hostile(name, number) for number in range(1, 30)), outage(40, name=name)])
    assert messages
    assert max(len(message.body) for message in messages) <= LARGEST


@pytest.mark.parametrize("kind", SINKS)
@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_no_hidden_character_reaches_a_person(kind: str, name: str) -> None:
    told = finding(
        action_name=name, why=f"Never seen from {name}.", resources=(name,), addresses=(name,), results=(name,)
    )
    for message in SINKS[kind]().render([alert(actor_name=name).model_copy(update={"findings": (told,)})]):
        shown = "" if message.content_type in MACHINES else message.body.decode()
        assert not any(hidden in shown for hidden in "\x00\x07\x1b\r\u202e\u2066\u200b\u2028\ud800")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_sink_that_sent_nothing_can_be_closed_and_again(kind: str) -> None:
    sink = made(kind)
    await sink.close()
    await sink.close()


@pytest.mark.parametrize("kind", POSTED)
async def test_each_status_means_the_same_to_every_sink(kind: str, receiver: Receiver, tmp_path: Path) -> None:
    sink = posting(kind, receiver.url, tmp_path)
    [message] = sink.render([alert()])
    for status, outcome in OUTCOMES.items():
        # What is refused for its form may be tried once more in short.
        most = 2 if status in {400, 413} else 1
        receiver.heard.clear()
        receiver.replies = [Reply(status, headers={"location": "/moved"})]
        receipt = await sink.send(message)
        assert (receipt.outcome, receipt.reason) == (outcome, f"http_{status}")
        assert 1 <= len(receiver.heard) <= most, "a redirect was followed"
    await sink.close()


@pytest.mark.parametrize("kind", POSTED)
async def test_what_is_refused_and_of_which_nothing_short_can_be_made_is_refused(
    kind: str, receiver: Receiver, tmp_path: Path
) -> None:
    sink = posting(kind, receiver.url, tmp_path)
    for body in (b"{}", b"[]", b"7", b"\xff", b'{"attachments": [7]}', b'{"attachments": []}'):
        receiver.replies = [Reply(400)]
        made_elsewhere = sink.render([alert()])[0]._replace(body=body)
        assert await sink.send(made_elsewhere) == Receipt("refused", "http_400")
    await sink.close()


@pytest.mark.parametrize("kind", POSTED)
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("Mon, 02 Nov 2026 09:01:30 GMT", 90.0),
        ("Sun, 01 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("Mon, 02 Nov 99999999999999999999 09:00:00 GMT", None),
        ("9" * 400, 999_999_999.0),
    ],
)
async def test_retry_after_is_understood_in_both_forms(
    kind: str, header: str, seconds: float | None, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.replies = [Reply(429, headers={"Retry-After": header})]
    assert await sent(posting(kind, receiver.url, tmp_path)) == Receipt("retry", "http_429", seconds)


@pytest.mark.parametrize("kind", POSTED)
async def test_a_receiver_that_is_not_there_or_hangs_up_is_tried_again(
    kind: str, receiver: Receiver, tmp_path: Path
) -> None:
    nobody = f"http://127.0.0.1:{unused_port()}"
    assert await sent(posting(kind, nobody, tmp_path)) == Receipt("retry", "connection")
    receiver.replies = [Reply(0)]
    assert await sent(posting(kind, receiver.url, tmp_path)) == Receipt("retry", "connection")


@pytest.mark.parametrize("kind", POSTED)
async def test_the_url_file_is_read_again_for_each_message(kind: str, receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "url"
    sink = made(kind, url_file=file)
    [message] = sink.render([alert()])
    assert await sink.send(message) == Receipt("retry", "url_unreadable")
    for path in ("/old", "/new"):
        file.write_text(receiver.url + path + "\n")
        assert (await sink.send(message)).outcome == "sent"
    await sink.close()
    assert [heard.path for heard in receiver.heard] == ["/old", "/new"]


@pytest.mark.parametrize("kind", POSTED)
async def test_what_is_posted_is_what_was_rendered(kind: str, receiver: Receiver, tmp_path: Path) -> None:
    sink = posting(kind, receiver.url, tmp_path)
    for message in (sink.render([alert()])[0], sink.render_notice(notice())):
        assert (await sink.send(message)).outcome == "sent"
        assert receiver.heard[-1].body == message.body
        assert receiver.heard[-1].headers["content-type"] == message.content_type
    await sink.close()


@pytest.mark.parametrize("kind", POSTED)
async def test_no_secret_is_in_any_repr_log_error_or_receipt(
    kind: str, receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.replies = [Reply(status, f"no {PLANTED}") for status in (200, 302, 400, 404, 503, 0)]
    answered = [f"{receiver.url}/{PLANTED}?sig={PLANTED}" for _ in receiver.replies]
    unanswered = [
        f"http://127.0.0.1:{unused_port()}/{PLANTED}",
        f"https://hooks.slack.com:99999/{PLANTED}",
        f"https://[{PLANTED}/",
        f"gopher://127.0.0.1/{PLANTED}",
        f"http://logic.azure.com/{PLANTED}",
        PLANTED,
        f"https://\ud800{PLANTED}",
    ]
    said = [repr(configured(kind, url=f"https://127.0.0.1/{PLANTED}")), str(KINDS[kind])]
    for url in (*answered, *unanswered):
        sink = posting(kind, url, tmp_path)
        said += [str(await sent(sink)), repr(sink)]
        for value in vars(sink).values():
            said += [repr(value), repr(getattr(value, "__dict__", ""))]
    said += [record.getMessage() for record in caplog.records]
    assert PLANTED not in "\n".join(said)
    assert SIGNING.removeprefix("whsec_") not in "\n".join(said)
    assert any(PLANTED in heard.path for heard in receiver.heard)


@pytest.mark.parametrize("kind", POSTED)
@pytest.mark.parametrize(
    "url", ["http://x.example/{}", "gopher://127.0.0.1/{}", "https://[{}", "https://x.example:x/{}"]
)
def test_an_address_that_is_refused_is_not_repeated(kind: str, url: str) -> None:
    with pytest.raises(ValueError, match="should") as refusal:
        configured(kind, url=url.format(PLANTED))
    assert PLANTED not in str(refusal.value)
