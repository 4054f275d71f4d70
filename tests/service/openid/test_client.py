"""Signing in over real HTTP: with each proof of who we are, once a code, and for the sign-in that was begun."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from pydantic import SecretStr

from service.openid.client import BegunSignIn, OpenIdClient, OpenIdOptions
from service.openid.values import ProviderFailed, TokenRefused
from tests.fakes.clock import FakeClock
from tests.fakes.openid_provider import ANN, CLIENT, SECRET, OpenIdProvider, providing, saying, signing_key

pytestmark = pytest.mark.integration


@pytest.fixture
async def fake() -> AsyncIterator[OpenIdProvider]:
    async with providing(FakeClock()) as provider:
        yield provider


@asynccontextmanager
async def client_of(fake: OpenIdProvider, **options: Any) -> AsyncIterator[OpenIdClient]:
    proof = options or {"secret": SecretStr(SECRET)}
    made = OpenIdClient(
        OpenIdOptions(
            fake.issuer, CLIENT, "https://unwonted.example/callback", "https://unwonted.example/login", **proof
        ),
        fake.clock,
    )
    try:
        yield made
    finally:
        await made.close()


async def code_for(begun: BegunSignIn) -> str:
    """Go where somebody is sent, and return the code with which they come back."""
    async with aiohttp.ClientSession() as session, session.get(begun.address, allow_redirects=False) as answer:
        back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back["state"] == [begun.state]
    return back["code"][0]


async def test_who_comes_back_is_who_the_provider_says(fake: OpenIdProvider) -> None:
    async with client_of(fake) as client:
        begun = await client.begin()
        who = await client.finish(await code_for(begun), begun)
    assert (who.subject, who.name, who.roles, who.hint) == (
        ANN["oid"], "ann@contoso.example", frozenset({"analyst"}), "hint-of-ann",
    )  # fmt: skip


async def test_no_two_sign_ins_have_anything_in_common(fake: OpenIdProvider) -> None:
    async with client_of(fake) as client:
        begun = [await client.begin() for _ in range(3)]
    assert len({part for one in begun for part in (one.state, one.nonce, one.verifier)}) == 9
    assert all(one.verifier not in one.address for one in begun)


async def test_a_code_is_good_once_and_only_with_what_it_was_begun_with(fake: OpenIdProvider) -> None:
    async with client_of(fake) as client:
        begun, other = await client.begin(), await client.begin()
        code = await code_for(begun)
        await client.finish(code, begun)
        for used, with_ in ((code, begun), (await code_for(begun), other), ("made up", begun)):
            with pytest.raises(ProviderFailed, match="refuses the code: invalid_grant, AADSTS54005"):
                await client.finish(used, with_)


async def test_a_token_of_another_sign_in_is_refused(fake: OpenIdProvider) -> None:
    async with client_of(fake) as client:
        for nonce in ("of another", None, 5, "\ud800"):
            fake.spoil = lambda said, nonce=nonce: signing_key().sign({**said, "nonce": nonce})
            begun = await client.begin()
            code = await code_for(begun)
            with pytest.raises(TokenRefused, match=r"of another sign-in \(nonce\)"):
                await client.finish(code, begun)


@pytest.mark.parametrize(
    "answer", ["<html>", {}, {"id_token": 5}, {"error": "<script>", "error_description": "AADSTSx"}]
)
async def test_an_answer_without_a_token_is_told_without_what_it_says(fake: OpenIdProvider, answer: object) -> None:
    fake.misbehave["/token"] = saying(answer)
    async with client_of(fake) as client:
        with pytest.raises(ProviderFailed, match=r"refuses the code: it does not say why$"):
            await client.finish("a code", await client.begin())


async def test_the_secret_may_be_in_a_file_that_is_read_again_each_time(fake: OpenIdProvider, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    async with client_of(fake, secret_file=file) as client:
        begun = await client.begin()
        code = await code_for(begun)
        with pytest.raises(ProviderFailed, match=r"sign_in\.client_secret_file cannot be read: No such file"):
            await client.finish(code, begun)
        file.write_text("of yesterday\n")
        with pytest.raises(ProviderFailed, match="invalid_client, AADSTS7000215") as refused:
            await client.finish(code, begun)
        assert "of yesterday" not in str(refused.value)
        file.write_text(f"{SECRET}\n")
        begun = await client.begin()
        assert (await client.finish(await code_for(begun), begun)).subject == ANN["oid"]
        file.write_bytes(b"\xff\xfe")
        with pytest.raises(ProviderFailed, match=r"sign_in\.client_secret_file cannot be read: it is not text"):
            await client.finish(code, begun)


async def test_a_workload_identity_proves_who_we_are_without_a_secret(fake: OpenIdProvider, tmp_path: Path) -> None:
    file = tmp_path / "azure-identity-token"
    async with client_of(fake, assertion_file=file) as client:
        for fake.assertion in ("first assertion", "second assertion"):
            file.write_text(fake.assertion)
            begun = await client.begin()
            assert (await client.finish(await code_for(begun), begun)).subject == ANN["oid"]
    sent = [one.form for one in fake.asked if one.path == "/token"]
    assert [one["client_assertion"] for one in sent] == ["first assertion", "second assertion"]
    assert {one["client_assertion_type"] for one in sent} == {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    assert not any("client_secret" in one for one in sent)


async def test_a_provider_that_wants_the_secret_in_a_header_gets_it_there(fake: OpenIdProvider) -> None:
    fake.discovery = {"token_endpoint_auth_methods_supported": None}
    async with client_of(fake) as client:
        begun = await client.begin()
        assert (await client.finish(await code_for(begun), begun)).subject == ANN["oid"]
    [sent] = [one for one in fake.asked if one.path == "/token"]
    assert "client_secret" not in sent.form
    assert sent.authorization.startswith("Basic ")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda fake: fake.token(nonce="x"), "this is an ID token"),
        (lambda fake: fake.token(aud="https://management.azure.com"), "for another application"),
        (lambda fake: signing_key("strange").sign({}), "does not have"),
        (lambda fake: "opaque", "not a token"),
    ],
)
async def test_programs_come_with_an_access_token_for_us_and_with_no_other(
    fake: OpenIdProvider, made: Callable[[OpenIdProvider], str], said: str
) -> None:
    async with client_of(fake) as client:
        assert (await client.accept(fake.token())).subject == ANN["oid"]
        with pytest.raises(TokenRefused, match=said):
            await client.accept(made(fake))


async def test_keys_may_change_under_way(fake: OpenIdProvider) -> None:
    assert isinstance(fake.clock, FakeClock)
    async with client_of(fake) as client:
        await client.accept(fake.token())
        fake.keys.append(signing_key("second"))
        with pytest.raises(TokenRefused, match="does not have"):
            await client.accept(fake.token())
        await fake.clock.advance(60)
        await client.accept(fake.token())


async def test_leaving_leads_to_the_provider_without_a_token_in_the_address(fake: OpenIdProvider) -> None:
    async with client_of(fake) as client:
        where = urlsplit(await client.leaving("hint-of-ann"))
        assert parse_qs(where.query) == {
            "client_id": [CLIENT],
            "post_logout_redirect_uri": ["https://unwonted.example/login"],
            "logout_hint": ["hint-of-ann"],
        }
        assert "logout_hint" not in await client.leaving("")
    fake.discovery = {"end_session_endpoint": None}
    async with client_of(fake) as client:
        assert await client.leaving("") == ""
    fake.misbehave["/keys"] = saying("", 503)
    async with client_of(fake) as client:
        assert await client.leaving("") == ""
