"""What a provider says of itself over real HTTP: kept, asked for again in time, and refused where it is none."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from service.openid.fetching import ONE_ANSWER_WITHIN, JsonAnswer, JsonFetcher
from service.openid.provider import FRESH_SECONDS, LOOK_AGAIN_SECONDS, USABLE_SECONDS, Provider
from service.openid.values import ProviderFailed
from tests.fakes.clock import FakeClock
from tests.fakes.openid_provider import Misbehaviour, OpenIdProvider, endless, providing, saying, signing_key, silent

pytestmark = pytest.mark.integration
CONFIGURATION = "/.well-known/openid-configuration"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def fake(clock: FakeClock) -> AsyncIterator[OpenIdProvider]:
    async with providing(clock) as provider:
        yield provider


@pytest.fixture
async def provider(fake: OpenIdProvider, clock: FakeClock) -> AsyncIterator[Provider]:
    fetcher = JsonFetcher(seconds=60.0)
    yield Provider(fake.issuer, clock, fetcher)
    await fetcher.close()


async def test_it_is_asked_once_and_again_after_an_hour(
    fake: OpenIdProvider, provider: Provider, clock: FakeClock
) -> None:
    for _ in range(3):
        known = await provider.known("first")
        assert (known.token, [key.id for key in known.keys]) == (f"{fake.url}/token", ["first"])
    assert (fake.count(CONFIGURATION), fake.count("/keys")) == (1, 1)
    await clock.advance(FRESH_SECONDS)
    await provider.known()
    assert (fake.count(CONFIGURATION), fake.count("/keys")) == (2, 2)


async def test_a_new_key_is_looked_for_and_made_up_ones_do_not_make_us_ask_more_than_once_a_minute(
    fake: OpenIdProvider, provider: Provider, clock: FakeClock
) -> None:
    await provider.known("first")
    fake.keys = [signing_key("second")]
    for number in range(20):
        await provider.known(f"made up {number}")
    assert fake.count("/keys") == 1
    await clock.advance(LOOK_AGAIN_SECONDS)
    assert [key.id for key in (await provider.known("second")).keys] == ["second"]
    for number in range(20):
        await provider.known(f"made up {number}")
    assert fake.count("/keys") == 2


async def test_a_provider_that_is_away_is_done_without_for_a_day(
    fake: OpenIdProvider, provider: Provider, clock: FakeClock
) -> None:
    await provider.known()
    fake.misbehave["/keys"] = saying("", 503)
    await clock.advance(FRESH_SECONDS)
    assert (await provider.known()).keys
    assert (await provider.known()).keys
    assert fake.count("/keys") == 2, "who has just failed is left alone for a moment"
    await clock.advance(USABLE_SECONDS)
    with pytest.raises(ProviderFailed, match=r"/keys answers no JSON object \(status 503\)"):
        await provider.known()
    del fake.misbehave["/keys"]
    await clock.advance(5)
    assert (await provider.known()).keys


class NeverInTime(JsonFetcher):
    """Asks a provider that answers nothing until it is given up."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.asked = 0
        self._until_then = clock

    async def ask(self, address: str, form: Mapping[str, str] | None = None, authorization: str = "") -> JsonAnswer:
        self.asked += 1
        await self._until_then.advance(ONE_ANSWER_WITHIN)
        raise ProviderFailed("login.example does not answer within 5 s")


async def test_a_provider_that_was_waited_for_in_vain_is_left_alone_by_those_who_come_next(clock: FakeClock) -> None:
    fetcher = NeverInTime(clock)
    provider = Provider("https://login.example", clock, fetcher)
    for _ in range(3):
        with pytest.raises(ProviderFailed, match="does not answer"):
            await provider.known()
    assert fetcher.asked == 1, "each of those who queue would wait as long as all before them together"
    await clock.advance(ONE_ANSWER_WITHIN)
    with pytest.raises(ProviderFailed):
        await provider.known()
    assert fetcher.asked == 2


@pytest.mark.parametrize(
    ("path", "misbehaviour", "said"),
    [
        (CONFIGURATION, silent, "127.0.0.1 does not answer within 0.5 s"),
        ("/keys", silent, "127.0.0.1 does not answer within 0.5 s"),
        (CONFIGURATION, endless, "answers more than 262,144 bytes"),
        ("/keys", endless, "answers more than 262,144 bytes"),
        (CONFIGURATION, saying("x" * 300_000), "answers more than 262,144 bytes"),
        (CONFIGURATION, saying("<html>"), "answers no JSON object"),
        (CONFIGURATION, saying("[" * 200_000), "answers no JSON object"),
        (CONFIGURATION, saying([1]), "answers no JSON object"),
        (CONFIGURATION, saying({}, 404), r"answers no JSON object \(status 404\)"),
        (CONFIGURATION, saying("", 302, location="https://evil.example"), "redirects"),
        ("/keys", saying({"keys": []}), "has no key"),
        ("/keys", saying({"keys": [{"kty": "oct", "k": "eA"}]}), "has no key"),
    ],
)
async def test_what_is_no_answer_of_a_provider_is_told_in_one_line(
    fake: OpenIdProvider, clock: FakeClock, path: str, misbehaviour: Misbehaviour, said: str
) -> None:
    fake.misbehave[path] = misbehaviour
    fetcher = JsonFetcher(seconds=0.5 if misbehaviour is silent else 60.0)
    try:
        with pytest.raises(ProviderFailed, match=said):
            await Provider(fake.issuer, clock, fetcher).known()
    finally:
        await fetcher.close()


@pytest.mark.parametrize(
    ("discovery", "said"),
    [
        ({"issuer": "https://evil.example"}, "names another issuer"),
        ({"issuer": "https://evil.example/{tenantid}/v2.0"}, "names another issuer"),
        ({"issuer": None}, "names another issuer"),
        ({"token_endpoint": None}, "no https address as token_endpoint"),
        ({"token_endpoint": "http://evil.example/token"}, "no https address as token_endpoint"),
        ({"jwks_uri": "file:///etc/passwd"}, "no https address as jwks_uri"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "no https address as authorization_endpoint"),
        ({"authorization_endpoint": "https://a b/"}, "no https address as authorization_endpoint"),
        ({"authorization_endpoint": "https://["}, "no https address as authorization_endpoint"),
        ({"end_session_endpoint": "https://user@evil.example"}, "no https address as end_session_endpoint"),
    ],
)
async def test_a_configuration_that_leads_elsewhere_is_refused(
    fake: OpenIdProvider, provider: Provider, discovery: dict[str, Any], said: str
) -> None:
    fake.discovery = discovery
    with pytest.raises(ProviderFailed, match=said):
        await provider.known()


async def test_entras_configuration_for_many_tenants_has_a_place_for_the_tenant(
    fake: OpenIdProvider, provider: Provider
) -> None:
    fake.discovery = {"issuer": f"{fake.url}/{{tenantid}}/v2.0", "end_session_endpoint": None}
    known = await provider.known()
    assert (known.issuer, known.end_session) == (f"{fake.url}/{{tenantid}}/v2.0", "")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:9/x", "127.0.0.1 cannot be reached: Connection refused"),
        ("https://nowhere.invalid/x", "nowhere.invalid cannot be reached: "),
    ],
)
async def test_who_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch, address: str, said: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://bob:password-of-a-proxy@127.0.0.1:9")
    fetcher = JsonFetcher()
    with pytest.raises(ProviderFailed, match=said) as failed:
        await fetcher.ask(address)
    assert "password-of-a-proxy" not in str(failed.value)
    await fetcher.close()


async def test_a_certificate_authority_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    for name in ("none.pem", "empty.pem"):
        with pytest.raises(ProviderFailed, match=r"sign_in\.ca_file cannot be used"):
            await JsonFetcher(tmp_path / name).ask("https://login.example")
