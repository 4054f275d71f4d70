import asyncio
import logging
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import unused_port
from pydantic import SecretStr, ValidationError

from service.core.ports import Receipt, Rendered
from service.settings import Settings, secrets
from service.sinks.email.mail_host import MailEnvelope, MailHost
from service.sinks.email.rendering import compose, render
from service.sinks.email.settings import EmailSettings
from service.sinks.email.sink import EmailSink
from service.sinks.posting.guard import Guard
from service.waiting import still_running
from tests.fakes.alerts import alert, hostile
from tests.fakes.clock import MONDAY_MORNING, FakeClock, settle
from tests.fakes.conversations import listening
from tests.fakes.hostile_names import each_hostile_name
from tests.fakes.mail_server import HANG_UP, SILENT, MailServer
from tests.fakes.notices import notice
from tests.service.sinks.posting.test_http_post import self_signed

PASSWORD = "planted-5ecret"
LETTER = MailEnvelope("unwonted@contoso.com", ("soc@contoso.com", "ann@contoso.com"))
[MESSAGE] = render([alert()])


def sink_to(server: MailServer, *, seconds: float = 20.0, **changes: Any) -> EmailSink:
    there = MailHost("127.0.0.1", server.port, "none")._replace(**changes)
    return EmailSink("mail", there, LETTER, clock=FakeClock(), total_seconds=seconds)


def read(letter: bytes) -> EmailMessage:
    parsed = message_from_bytes(letter, policy=SMTP)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def part(letter: EmailMessage, subtype: str) -> str:
    found = letter.get_body((subtype,))
    assert found is not None
    return str(found.get_content())


async def receipt(server: MailServer, message: Rendered = MESSAGE, **changes: Any) -> Receipt:
    async with listening(server):
        return await sink_to(server, **changes).send(message)


async def test_a_letter_arrives_with_its_subject_its_text_and_its_html() -> None:
    server = MailServer()
    assert await receipt(server) == Receipt("sent", "smtp_250")
    [raw] = server.letters
    letter = read(raw)
    assert letter["Subject"].startswith("High 92: alice@contoso.com: create or change role assignments")
    assert letter["From"] == "Unwonted <unwonted@contoso.com>"
    assert letter["To"] == "soc@contoso.com, ann@contoso.com"
    assert letter["Date"].datetime == MONDAY_MORNING
    assert letter["Message-ID"] == f"<{MESSAGE.id}.unwonted@contoso.com>"
    assert "Why: Never seen from alice@contoso.com in 41 active days" in part(letter, "plain")
    assert "Never seen from alice@contoso.com in 41 active days" in part(letter, "html")
    assert [line for line in server.heard if line.startswith("rcpt")] == [
        "rcpt TO:<soc@contoso.com>",
        "rcpt TO:<ann@contoso.com>",
    ]
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()


async def test_a_notice_is_a_letter_too() -> None:
    server = MailServer()
    message = sink_to(server).render_notice(notice())
    assert (await receipt(server, message)).outcome == "sent"
    assert read(server.letters[0])["Subject"].startswith("Blind: nothing has come from partition")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


@each_hostile_name
def test_no_name_is_a_header_a_tag_or_a_link(name: str) -> None:
    [message] = render([hostile(name)])
    letter = read(compose(message, LETTER, MONDAY_MORNING))
    assert letter.keys() == [
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
    ]  # fmt: skip
    assert letter["To"] == "soc@contoso.com, ann@contoso.com"
    assert len(list(letter.iter_parts())) == 2
    found = _Tags()
    found.feed(part(letter, "html"))
    assert found.tags <= {"html", "head", "meta", "body", "h3", "table", "tr", "td", "p", "b", "br", "a"}
    assert all(link.startswith("https://portal.azure.com/") for link in found.links)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"CONNECT": "421 too busy"}, Receipt("retry", "smtp_421")),
        ({"CONNECT": "554 not you"}, Receipt("broken", "smtp_554")),
        ({"MAIL": "451 later"}, Receipt("retry", "smtp_451")),
        ({"MAIL": "550 not from you"}, Receipt("broken", "smtp_550")),
        ({"RCPT": "450 greylisted"}, Receipt("retry", "smtp_450")),
        ({"RCPT": "550 nobody"}, Receipt("broken", "smtp_550")),
        ({"DATA": "451 later"}, Receipt("retry", "smtp_451")),
        ({"LETTER": "452 full"}, Receipt("retry", "smtp_452")),
        ({"LETTER": "554 spam"}, Receipt("refused", "smtp_554")),
        ({"LETTER": HANG_UP}, Receipt("retry", "connection")),
        ({"DATA": HANG_UP}, Receipt("retry", "connection")),
        ({"CONNECT": HANG_UP}, Receipt("retry", "connection")),
        ({"MAIL": "hello?"}, Receipt("retry", "smtp_protocol")),
        ({"MAIL": "250 " + "x" * 9_000}, Receipt("broken", "smtp_500")),
    ],
)
async def test_each_answer_means_what_it_should_for_a_retry(answers: dict[str, str], expected: Receipt) -> None:
    assert await receipt(MailServer(answers)) == expected


async def test_one_recipient_that_nobody_knows_does_not_keep_the_letter_from_the_others() -> None:
    class Picky(MailServer):
        async def _answer(self, writer: asyncio.StreamWriter, verb: str, usually: str) -> bool:
            is_ann = verb == "RCPT" and "ann@" in self.heard[-1]
            return await super()._answer(writer, verb, "550 nobody" if is_ann else usually)

    server = Picky()
    assert await receipt(server) == Receipt("sent", "not_to_all_recipients")
    assert len(server.letters) == 1


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "RCPT", "LETTER"])
async def test_a_server_that_never_answers_is_not_waited_for_and_keeps_no_thread(verb: str) -> None:
    before = still_running()
    server = MailServer({verb: SILENT})
    async with listening(server):
        assert await sink_to(server, seconds=0.3).send(MESSAGE) == Receipt("retry", "timeout")
        while still_running() - before:  # it is woken by the end of its connection, not by a deadline of its own
            await settle()
        del server.answers[verb]
        assert (await sink_to(server).send(MESSAGE)).outcome == "sent"


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    server = MailServer()
    server.port = unused_port()
    assert await sink_to(server).send(MESSAGE) == Receipt("retry", "connection")


async def test_a_server_in_a_private_network_is_not_connected_to_unless_allowed() -> None:
    server = MailServer()
    guarded = Guard(allow_private=False, allow_loopback=False)
    assert await receipt(server, guard=guarded) == Receipt("broken", "address_refused")
    assert not server.heard


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_the_password_and_the_letter_are_told_under_tls_alone(tls: str, tmp_path: Path) -> None:
    context, file = self_signed(tmp_path), tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    starttls = tls == "starttls"
    server = MailServer(tls=context if starttls else None, login=("unwonted", PASSWORD))
    there: dict[str, Any] = {"tls": tls, "user": "unwonted", "password": file}
    async with listening(server, None if starttls else context):
        stranger = await sink_to(server, **there).send(MESSAGE)
        assert stranger == Receipt("retry", "tls")
        there["ca_file"] = tmp_path / "self-signed.pem"
        assert (await sink_to(server, **there).send(MESSAGE)).outcome == "sent"
        file.write_text("wrong")
        assert await sink_to(server, **there).send(MESSAGE) == Receipt("broken", "login_refused")
    assert {line.split(" ")[0].upper() for line in server.in_the_open} <= {"EHLO", "STARTTLS"}
    assert len(server.letters) == 1


async def test_a_server_that_does_not_offer_tls_is_told_nothing() -> None:
    server = MailServer(login=("unwonted", PASSWORD))
    there: dict[str, Any] = {"tls": "starttls", "user": "unwonted", "password": SecretStr(PASSWORD)}
    assert await receipt(server, **there) == Receipt("broken", "starttls_missing")
    assert [line.split(" ")[0].upper() for line in server.heard] == ["EHLO"]


async def test_a_login_that_may_be_taken_later_is_tried_again_and_one_nobody_offers_is_not() -> None:
    there: dict[str, Any] = {"user": "unwonted", "password": SecretStr(PASSWORD)}
    busy = MailServer({"AUTH": "454 later"}, login=("unwonted", PASSWORD))
    assert await receipt(busy, **there) == Receipt("retry", "smtp_454")
    assert await receipt(MailServer(), **there) == Receipt("broken", "login_unsupported")


async def test_a_password_file_is_waited_for_and_one_that_holds_none_is_reported(tmp_path: Path) -> None:
    file, server = tmp_path / "password", MailServer(login=("unwonted", PASSWORD))
    there: dict[str, Any] = {"user": "unwonted", "password": file}
    assert await receipt(server, **there) == Receipt("retry", "password_unreadable")
    for wrong in (b"\xff\xfe", "pässword".encode()):
        file.write_bytes(wrong)
        assert await receipt(server, **there) == Receipt("broken", "password_invalid")


async def test_no_password_is_in_any_repr_log_error_or_receipt(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for answer in ("235 ok", f"535 no {PASSWORD}", f"454 {PASSWORD}", HANG_UP):
        server = MailServer({"AUTH": answer}, login=("unwonted", PASSWORD))
        async with listening(server):
            sink = sink_to(server, user="unwonted", password=SecretStr(PASSWORD))
            said += [str(await sink.send(MESSAGE)), repr(sink), repr(vars(sink))]
    said += [record.getMessage() for record in caplog.records]
    assert PASSWORD not in "\n".join(said)


GIVEN: dict[str, Any] = {"host": "smtp.contoso.com", "sender": "a@contoso.com", "recipients": ["b@contoso.com"]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"host": None}, "needs host, sender and recipients"),
        ({"recipients": []}, "needs host, sender and recipients"),
        ({"sender": "a@contoso.com\r\nBcc: x@evil.example"}, "should be a plain address"),
        ({"recipients": ["b@contoso.com>\nDATA"]}, "should be a plain address"),
        ({"recipients": ["Bob <b@contoso.com>"]}, "should be a plain address"),
        ({"host": "smtp.contoso.com/x"}, "should be the name of a host"),
        ({"user": "ann"}, "needs password or password_file beside user"),
        ({"password": PASSWORD, "password_file": "/x"}, "at most one of password and password_file"),
        ({"tls": "none"}, "none is for loopback only"),
    ],
)
def test_what_cannot_be_sent_safely_is_refused_and_not_repeated(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as refusal:
        EmailSettings.model_validate({**GIVEN, **changes})
    assert PASSWORD not in str(refusal.value)
    assert "evil" not in str(refusal.value)


def test_port_and_user_follow_from_the_rest() -> None:
    plain = EmailSettings.model_validate(GIVEN).server
    assert (plain.port, plain.user, plain.guard) == (587, None, Guard(allow_private=False, allow_loopback=False))
    known = EmailSettings.model_validate({**GIVEN, "tls": "tls", "password_file": "/x"}).server
    assert (known.port, known.user, known.password) == (465, "a@contoso.com", Path("/x"))


def test_a_password_is_masked_in_logs_wherever_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    for kept in ({"password": PASSWORD}, {"password_file": str(tmp_path / "password")}):
        sinks = {"mail": {"kind": "email", **GIVEN, **kept}}
        assert PASSWORD in set(secrets(Settings.model_validate({"sinks": sinks})))


def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "ca").write_text("no certificate")
    for ca, reason in ((tmp_path / "ca", "holds no certificate in PEM"), (tmp_path / "gone", "No such file")):
        files = {"password_file": str(tmp_path / "empty"), "ca_file": str(ca)}
        password, authority = EmailSettings.model_validate({**GIVEN, **files}).file_problems()
        assert "should be one line of ASCII" in password
        assert reason in authority
