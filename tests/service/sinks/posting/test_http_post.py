import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
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

from service.core.ports import Receipt, Sink
from service.sinks.posting.guard import AddressRefusedError, Guard
from service.sinks.posting.http_post import Answer, HttpPost, by_status, open_session, retry_after
from service.sinks.posting.receiver import matches
from service.sinks.teams.sink import TeamsSink
from service.sinks.webhook.sink import WebhookSink
from tests.fakes.alerts import alert
from tests.fakes.clock import MONDAY_MORNING, FakeClock
from tests.fakes.receiver import Directory, Receiver, Reply, receiving

SECRET = "planted-5ecret"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


async def sent(sink: Sink) -> Receipt:
    try:
        return await sink.send(sink.render([alert()])[0])
    finally:
        await sink.close()


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
    ],
)
async def test_teams_is_only_posted_to_where_flows_live(url: str, reason: str) -> None:
    sink = TeamsSink("team", SecretStr(url), clock=FakeClock())
    assert await sent(sink) == Receipt("broken", reason)


def test_a_pattern_covers_subdomains_only() -> None:
    assert matches("a.environment.api.powerplatform.com", ["*.environment.api.powerplatform.com"])
    assert not matches("evilenvironment.api.powerplatform.com", ["*.environment.api.powerplatform.com"])
    assert not matches("logic.azure.com", ["*.logic.azure.com"])
    assert matches("hooks.slack.com", ["Hooks.Slack.com"])
    assert not matches("hooks.slack.com", ["hooks*.slack.com", "*"])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104 - no server listens here, the address is one to refuse
        "224.0.0.1",
        "255.255.255.255", "168.63.129.16", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_that_are_not_of_the_internet_are_refused(address: str) -> None:
    assert not Guard(allow_private=False, allow_loopback=False).permits(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "20.50.2.1", "2603:1020:1::1", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_allowed(address: str) -> None:
    assert Guard(allow_private=False, allow_loopback=False).permits(address)


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
    sink = WebhookSink("siem", SecretStr(url), clock=FakeClock(), session=inside)
    assert await sent(sink) == Receipt("broken", "address_refused")


@pytest.mark.parametrize("url", ["https://2130706433/", "https://127.1/", "https://0x7f.1/"])
async def test_disguised_numeric_addresses_are_refused(url: str) -> None:
    sink = WebhookSink("siem", SecretStr(url), clock=FakeClock())
    assert (await sent(sink)).outcome == "broken"


async def test_rebinding_a_name_between_two_messages_does_not_get_inside(receiver: Receiver) -> None:
    class OnlyTheFirst(Guard):
        def permits(self, address: str) -> bool:
            return address == "127.0.0.1"

    directory = Directory(["127.0.0.1"], ["127.0.0.2"])
    async with open_session(OnlyTheFirst(), resolver=directory) as session:
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
    sink = WebhookSink("siem", SecretStr(receiver.url), clock=FakeClock(), allow_private=True)
    assert (await sent(sink)).outcome == "sent"


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
    sink = WebhookSink("siem", SecretStr(f"https://127.0.0.1:{server.port}/"), clock=FakeClock(), allow_private=True)
    assert await sent(sink) == Receipt("retry", "tls")
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
