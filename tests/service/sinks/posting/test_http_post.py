import datetime as dt
import ipaddress
import os
import ssl
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from service.core.ports import Receipt
from service.sinks.posting.guard import AddressRefusedError, Guard
from service.sinks.posting.http_post import Answer, HttpPost, by_status, open_session, retry_after
from service.sinks.posting.receiver import matches
from service.sinks.webhook.sink import WebhookSink
from service.waiting import OneAside, still_running
from tests.fakes.clock import MONDAY_MORNING, FakeClock, settle
from tests.fakes.receiver import Directory, Receiver, Reply
from tests.service.sinks.kinds import made, sent

SECRET = "planted-5ecret"


def test_an_absent_retry_after_says_nothing() -> None:
    assert retry_after(None, MONDAY_MORNING) is None


async def test_a_receiver_that_never_answers_is_not_waited_for(receiver: Receiver) -> None:
    receiver.replies = [Reply(-1)]
    impatient = partial(open_session, total_seconds=0.05)
    post = HttpPost(SecretStr(receiver.url), clock=FakeClock(), allow_loopback=True, session=impatient)
    assert await post.post(b"{}", {}) == Receipt("retry", "timeout")
    await post.close()


@pytest.mark.parametrize("host", [SECRET, f"{SECRET}.logic.azure.com"])
async def test_a_name_that_nobody_knows_is_tried_again_and_not_repeated(host: str) -> None:
    nowhere = partial(open_session, resolver=Directory([]))
    post = HttpPost(SecretStr(f"https://{host}/"), clock=FakeClock(), session=nowhere)
    receipt = await post.post(b"{}", {})
    assert receipt == Receipt("retry", "dns")
    assert SECRET not in repr(vars(post))
    await post.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://prod.westeurope.logic.azure.com/x", "url_not_https"),
        ("https://evil.example/x", "host_not_allowed"),
        ("https://logic.azure.com.evil.example/x", "host_not_allowed"),
        ("https://evil.example/.logic.azure.com", "host_not_allowed"),
        ("https://prod.logic.azure.com@evil.example/", "host_not_allowed"),
        ("https://127.0.0.1/x", "host_not_allowed"),
        ("ftp://prod.logic.azure.com/x", "url_invalid"),
        ("prod.logic.azure.com/x", "url_invalid"),
        ("", "url_invalid"),
        ("https://xn--a/x", "url_invalid"),
    ],
)
async def test_teams_is_only_posted_to_where_flows_live(url: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "url"  # in a file, where no check of the configuration has seen it
    file.write_text(url)
    assert await sent(made("teams", url_file=file, allow_loopback=False)) == Receipt("broken", reason)


def test_a_pattern_covers_subdomains_only() -> None:
    assert matches("a.environment.api.powerplatform.com", ["*.environment.api.powerplatform.com"])
    assert not matches("evilenvironment.api.powerplatform.com", ["*.environment.api.powerplatform.com"])
    assert not matches("logic.azure.com", ["*.logic.azure.com"])
    assert matches("hooks.slack.com", ["Hooks.Slack.com"])
    assert not matches("hooks.slack.com", ["hooks*.slack.com", "*"])


@pytest.mark.parametrize(
    "url",
    [
        "https://siem.example/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/metadata",
        "https://localhost/",
    ],
)
async def test_a_webhook_that_resolves_to_the_inside_is_refused(url: str) -> None:
    inside = partial(open_session, resolver=Directory(["127.0.0.1", "::1", "10.0.0.7"]))
    post = HttpPost(SecretStr(url), clock=FakeClock(), allow_private=False, session=inside)
    assert await sent(WebhookSink("siem", post, clock=FakeClock())) == Receipt("broken", "address_refused")


@pytest.mark.parametrize("url", ["https://2130706433/", "https://127.1/", "https://0x7f.1/"])
async def test_disguised_numeric_addresses_are_refused(url: str) -> None:
    assert (await sent(made("webhook", url=url, allow_private=False))).outcome == "broken"


async def test_rebinding_a_name_between_two_messages_does_not_get_inside(receiver: Receiver) -> None:
    class OnlyTheFirst(Guard):
        def permits(self, address: str) -> bool:
            return address == "127.0.0.1"

    directory = Directory(["127.0.0.1"], ["127.0.0.2"])
    async with await open_session(OnlyTheFirst(), resolver=directory) as session:
        url = f"http://siem.example:{receiver.port}/"
        async with session.post(url, data=b"1") as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorError) as refusal:
            await session.post(url, data=b"2")
    assert isinstance(refusal.value.os_error, AddressRefusedError)
    assert directory.asked == 2
    assert [heard.body for heard in receiver.heard] == [b"1"]


async def test_proxy_variables_are_ignored(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    assert (await sent(made("webhook", url=receiver.url))).outcome == "sent"


async def test_an_endless_answer_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.replies = [Reply(200, "x" * 1_000_000)]
    post = HttpPost(SecretStr(receiver.url), clock=FakeClock(), allow_loopback=True)
    answer = await post.post(b"{}", {})
    await post.close()
    assert isinstance(answer, Answer)
    assert len(answer.text) == 16_384


def test_any_status_has_a_meaning() -> None:
    outcomes = {by_status(Answer(status, "", None)).outcome for status in range(200, 600)}
    assert outcomes == {"sent", "retry", "refused", "broken"}


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    server = TestServer(web.Application(), scheme="https")
    await server.start_server(ssl=self_signed(tmp_path))
    assert await sent(made("webhook", url=f"https://127.0.0.1:{server.port}/")) == Receipt("retry", "tls")
    await server.close()


def self_signed(folder: Path, address: str = "127.0.0.1") -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(MONDAY_MORNING - dt.timedelta(days=3650))
        .not_valid_after(MONDAY_MORNING + dt.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "self-signed.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


async def test_a_file_of_the_address_on_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, receiver: Receiver) -> None:
    file = tmp_path / "url"
    os.mkfifo(file)  # hangs until somebody writes to it
    post = HttpPost(file, clock=FakeClock(), allow_loopback=True)
    post._aside = OneAside(0.01)
    for _ in range(2):
        assert await post.post(b"{}", {}) == Receipt("retry", "url_unreadable")
    file.write_text(receiver.url)
    while still_running():
        await settle()
    file.unlink()
    file.write_text(receiver.url)
    post._aside = OneAside()
    answer = await post.post(b"{}", {})
    assert isinstance(answer, Answer)
    await post.close()
