"""Webhooks and the hub through a real proxy on loopback, over TLS with a certificate authority of the test's own."""

from base64 import b64encode
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from yarl import URL

from service.clock import SystemClock
from service.core.ports import Receipt, SourceError
from service.settings.showing import proxy_secrets
from service.sinks.posting.http_post import HttpPost, open_session, proxy_of
from service.source.consumer import EventHubSource
from service.source.options import Proxy, SourceOptions
from tests.fakes.clock import FakeClock
from tests.fakes.proxy import proxying
from tests.service.sinks.posting.test_http_post import self_signed

SECRET = "planted-5ecret"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_a_webhook_goes_through_the_proxy_with_its_password_to_a_receiver_with_a_private_authority(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def take(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_post("/hook", take)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=self_signed(tmp_path, "203.0.113.7"))
    async with proxying({"203.0.113.7:443": server.port or 0}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://bob:{SECRET}@127.0.0.1:{proxy.port}")
        url = SecretStr("https://203.0.113.7/hook")
        strict = HttpPost(url, clock=FakeClock(), allow_private=True)
        assert await strict.post(b"{}", {}) == Receipt("retry", "tls")
        trusting = partial(open_session, ca_file=tmp_path / "self-signed.pem")
        post = HttpPost(url, clock=FakeClock(), allow_private=True, session=trusting)
        answer = await post.post(b"{}", {})
        assert not isinstance(answer, Receipt), answer
        assert (answer.status, answer.text) == (200, "ok")
        assert SECRET not in repr(vars(post))
        await strict.close()
        await post.close()
        credentials = b64encode(f"bob:{SECRET}".encode()).decode()
        assert proxy.asked[-1] == ("203.0.113.7:443", f"Basic {credentials}")
    await server.close()


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.7", "[::ffff:10.0.0.7]"])
async def test_a_proxy_is_no_way_around_the_guard(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    async with proxying({}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        post = HttpPost(SecretStr(f"https://{host}/"), clock=FakeClock(), allow_private=False)
        assert await post.post(b"{}", {}) == Receipt("broken", "address_refused")
        await post.close()
        assert proxy.asked == []


async def test_a_proxy_that_refuses_is_named_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxying({}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://bob:{SECRET}@127.0.0.1:{proxy.port}")
        post = HttpPost(SecretStr("https://8.8.8.8/"), clock=FakeClock(), allow_private=False)
        assert await post.post(b"{}", {}) == Receipt("retry", "proxy")
        await post.close()


def test_what_the_environment_says_of_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", ".contoso.example,10.0.0.9")
    assert proxy_of(URL("https://hooks.slack.com/x")) == URL("http://proxy.example:3128")
    assert proxy_of(URL("https://siem.contoso.example/x")) is None
    assert proxy_of(URL("https://10.0.0.9/x")) is None
    assert proxy_of(URL("https://127.0.0.1:9/x")) is None
    assert proxy_of(URL("http://localhost/x")) is None


def test_the_passwords_of_proxies_are_known_to_the_redaction() -> None:
    environ = {"https_proxy": "http://bob:p%40ss@proxy:3128", "ALL_PROXY": "proxy:1", "PATH": "a:b@c"}
    assert list(proxy_secrets(environ)) == ["p%40ss", "p@ss"]


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # how the SDK calls aiohttp
async def test_the_hub_is_asked_for_through_its_proxy_and_the_password_is_not_shown() -> None:
    async with proxying({}) as proxy:
        options = SourceOptions(
            connection_string=f"Endpoint=sb://x.example/;SharedAccessKeyName=a;SharedAccessKey={SECRET};EntityPath=h",
            transport="websocket",
            proxy=Proxy("127.0.0.1", proxy.port, "bob", SECRET),
            start_deadline=3.0,
        )
        source = EventHubSource(options=options, positions=dict, clock=SystemClock(), observer=lambda _: None)
        with pytest.raises(SourceError) as caught:
            await source.prepare()
        await source.stop()
        assert SECRET not in str(caught.value) + repr(options)
        assert proxy.asked, caught.value
        credentials = b64encode(f"bob:{SECRET}".encode()).decode()
        assert proxy.asked[0] == ("x.example:443", f"Basic {credentials}")
