"""The console over real HTTP with a provider: who gets in and out, in which role, and what is refused on the way."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import structlog

from service.console.access import MOST_OF_ONE
from service.console.openid_sign_in import BEGUN_SECONDS, MOST_BEGUN
from tests.fakes.alerts import alert
from tests.fakes.openid_provider import ANN, SECRET, endless, saying, signing_key, silent
from tests.service.console.browsing import Visitor
from tests.service.console.provided import IDLE, SESSION, back_from, provided, sent_away, sign_in
from tests.service.console.test_decisions import Desk

pytestmark = pytest.mark.integration
ID = alert().id
GROUP = "9a9a9a9a-0000-4000-8000-0000000000b1"


async def word(visitor: Visitor) -> str:
    _, text, _ = await visitor.get("/api/v1/session")
    said: str = json.loads(text)["csrf"]
    return said


async def test_who_wants_to_see_a_page_gets_there_by_way_of_the_provider(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        async with provided(tmp_path, [alert()]) as at:
            status, _, headers = await at.visitor.get(f"/alerts/{ID}")
            assert (status, headers["Location"]) == (303, f"/login?next=%2Falerts%2F{ID}")
            _, page, _ = await at.visitor.get(headers["Location"])
            assert f'href="/enter?next=%2Falerts%2F{ID}">Go to 127.0.0.1<' in page
            status, _, headers = await sign_in(at.visitor, f"/alerts/{ID}")
            assert (status, headers["Location"]) == (303, f"/alerts/{ID}")
            status, page, _ = await at.visitor.get(f"/alerts/{ID}", Sec_Fetch_Site="cross-site")
            assert status == 200, "a link in a card leads there at once"
            assert "ann@contoso.example" in page
            assert (await at.visitor.get("/login?next=/coverage"))[2]["Location"] == "/coverage"
    entered = [line for line in lines if line["event"] == "console_entered"]
    assert [(one["by"], one["subject"], one["roles"]) for one in entered] == [
        ("ann@contoso.example", ANN["oid"], ["analyst", "reader"])
    ]


@pytest.mark.parametrize(
    "onward", ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example"]
)
async def test_signing_in_leads_nowhere_else(tmp_path: Path, onward: str) -> None:
    async with provided(tmp_path) as at:
        assert (await sign_in(at.visitor, onward))[2]["Location"] == "/"


@pytest.mark.parametrize(
    ("person", "options", "roles"),
    [
        ({"roles": ["reader"]}, {}, ["reader"]),
        ({"roles": ["analyst"]}, {}, ["analyst", "reader"]),
        ({"roles": "reader"}, {}, ["reader"]),
        ({"roles": None, "groups": [GROUP]}, {"reader_groups": [GROUP]}, ["reader"]),
        ({"roles": ["SOC"], "groups": []}, {"analyst_roles": ["SOC"]}, ["analyst", "reader"]),
    ],
)
async def test_roles_come_from_app_roles_or_groups(
    tmp_path: Path, person: dict[str, Any], options: dict[str, Any], roles: list[str]
) -> None:
    async with provided(tmp_path, **options) as at:
        at.provider.person |= person
        assert (await sign_in(at.visitor))[0] == 303
        _, text, _ = await at.visitor.get("/api/v1/session")
        assert json.loads(text)["roles"] == roles


@pytest.mark.parametrize(
    ("person", "options", "said"),
    [
        (
            {"roles": []},
            {},
            "One of these is missing (reader: the app role reader; analyst: the app role analyst)",
        ),
        (
            {"roles": None},
            {"analyst_groups": [GROUP]},
            f"analyst: the app role analyst or the group {GROUP}",
        ),
        ({"roles": ["Reader", 5]}, {}, "one of these is missing"),
        ({"roles": None, "groups": ["reader", "analyst"]}, {}, "one of these is missing"),
        (
            {"roles": None, "hasgroups": True},
            {"reader_groups": [GROUP]},
            "in more groups than a token names (over 200)",
        ),
        (
            {"roles": None, "_claim_names": {"groups": "src1"}},
            {"reader_groups": [GROUP]},
            "in more groups than a token names (over 200)",
        ),
    ],
)
async def test_who_has_no_role_is_told_which_is_missing(
    tmp_path: Path, person: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with provided(tmp_path, **options) as at:
            at.provider.person |= person
            status, page, headers = await sign_in(at.visitor)
            assert status == 403
            assert "Ann@contoso.example has signed in, but has no role here: " in page
            assert said.lower() in page.lower()
            assert "Set-Cookie" not in headers
            assert 'href="/enter?next=%2F&amp;choose=1">Enter as somebody else<' in page
            status, _, headers = await at.visitor.get("/enter?next=%2F&choose=1")
            assert parse_qs(urlsplit(headers["Location"]).query)["prompt"] == ["select_account"]
            assert (await at.visitor.get("/"))[0] == 303
    [refused] = [line for line in lines if line["event"] == "console_entry_refused"]
    assert (refused["subject"], "ann@contoso.example" in refused["reason"]) == (ANN["oid"], True)


async def test_a_reader_sees_no_buttons_and_decides_nothing_whoever_asks(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with structlog.testing.capture_logs() as lines:
        async with provided(tmp_path, [alert()], desk=desk) as at:
            at.provider.person |= {"roles": ["reader"]}
            await sign_in(at.visitor)
            for path in (f"/alerts/{ID}", f"/incidents/{ID}"):
                status, page, _ = await at.visitor.get(path)
                assert status == 200
                assert 'class="verdicts"' not in page
            csrf = await word(at.visitor)
            form = {"csrf": csrf, "kind": "benign", "why": "she is on call", "state": "closed"}
            paths = (f"/alerts/{ID}/verdict", f"/incidents/{ID}", f"/api/v1/alerts/{ID}/verdict")
            for path in paths:
                status, page, _ = await at.visitor.post(path, form)
                assert (status, "needs the role analyst" in page) == (403, True)
    assert len(await desk.kept()) == 0
    refused = [line for line in lines if line["event"] == "console_decision_refused"]
    assert [(one["by"], one["subject"], one["path"]) for one in refused] == [
        ("ann@contoso.example", ANN["oid"], path) for path in paths
    ]


async def test_an_analysts_verdict_is_kept_and_told_with_who_gave_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with structlog.testing.capture_logs() as lines:
        async with provided(tmp_path, [alert()], desk=desk) as at:
            await sign_in(at.visitor)
            form = {"csrf": await word(at.visitor), "kind": "malicious", "why": "INC-7"}
            status, _, _ = await at.visitor.post(f"/alerts/{ID}/verdict", form, Origin=at.public)
            assert status == 303
    [kept] = (await desk.kept()).entries
    assert kept.by == "ann@contoso.example"
    [decided] = [line for line in lines if line["event"] == "console_decided"]
    assert (decided["by"], decided["subject"], decided["what"]) == (kept.by, ANN["oid"], "verdict malicious")


async def test_a_cookie_is_another_one_each_time_and_worth_nothing_after_leaving(tmp_path: Path) -> None:
    async with provided(tmp_path) as at:
        await sign_in(at.visitor)
        first = dict(at.visitor.cookies)
        await sign_in(at.visitor)
        second = dict(at.visitor.cookies)
        name = next(one for one in second if "entering" not in one)
        assert first[name] != second[name]
        async with at.another() as thief:
            assert (await thief.get("/", Cookie=f"{name}={first[name]}"))[0] == 303, "it was given up"
            assert (await thief.get("/", Cookie=f"{name}={second[name]}"))[0] == 200
            assert (await at.visitor.post("/logout", {"csrf": "forged"}))[0] == 403
            status, page, headers = await at.visitor.post("/logout", {"csrf": await word(at.visitor)})
            assert status == 200
            assert f"{name}=" in headers["Set-Cookie"]
            leads = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
            assert leads
            where = urlsplit(leads[1].replace("&amp;", "&"))
            assert parse_qs(where.query)["logout_hint"] == ["hint-of-ann"]
            assert parse_qs(where.query)["post_logout_redirect_uri"] == [f"{at.public}/login"]
            assert "ey" not in where.query.partition("logout_hint")[0], "no token in an address"
            for cookie in (second[name], "forged", "", "x" * 5_000, "é"):
                assert (await thief.get("/", Cookie=f"{name}={cookie}"))[0] == 303


async def test_a_session_ends_with_time_with_doing_nothing_and_when_one_person_has_too_many(tmp_path: Path) -> None:
    async with provided(tmp_path) as at:
        await sign_in(at.visitor)
        for _ in range(int(SESSION / (IDLE - 1))):
            await at.clock.advance(IDLE - 1)
            assert (await at.visitor.get("/"))[0] == 200
        await at.clock.advance(IDLE - 1)
        assert (await at.visitor.get("/"))[0] == 303, "whatever they do, after twelve hours"
        await sign_in(at.visitor)
        await at.clock.advance(IDLE - 1)
        assert (await at.visitor.get("/", X_Live="1"))[0] == 200
        await at.clock.advance(1)
        status, _, headers = await at.visitor.get("/", X_Live="1")
        assert (status, "Location" in headers) == (401, False), "a list that asks by itself is nobody at work"
        async with at.another() as first:
            await sign_in(first)
            for _ in range(MOST_OF_ONE):
                await at.clock.advance(2)
                await sign_in(at.visitor)
                at.visitor.forget()
            assert (await first.get("/"))[0] == 303


async def test_what_was_not_begun_in_this_browser_or_comes_twice_is_refused(tmp_path: Path) -> None:
    async with provided(tmp_path) as at, at.another() as victim:
        back = await back_from(await sent_away(at.visitor))
        await sent_away(victim)
        status, page, _ = await victim.get(back)
        assert (status, "not begun in this browser" in page) == (403, True), "nobody is signed in as an attacker"
        assert (await at.visitor.get(back))[0] == 403, "what somebody else has come with is used up"
        back = await back_from(await sent_away(at.visitor))
        assert (await at.visitor.get(back))[0] == 303
        assert (await at.visitor.get(back))[0] == 403
        late = await back_from(await sent_away(at.visitor))
        await at.clock.advance(BEGUN_SECONDS)
        assert (await at.visitor.get(late))[0] == 403
        for query in ("", "?state=made-up&code=x", "?code=x", "?state=%ff", f"?{urlencode({'state': 'x' * 9_000})}"):
            assert (await victim.get(f"/callback{query}"))[0] in {400, 403}
        state = parse_qs(urlsplit(await sent_away(at.visitor)).query)["state"][0]
        status, page, _ = await at.visitor.get(f"/callback?state={state}&error=access_denied&error_description=<b>")
        assert (status, "127.0.0.1 has refused the sign-in: access_denied." in page, "<b>" in page) == (
            403,
            True,
            False,
        )
        state = parse_qs(urlsplit(await sent_away(at.visitor)).query)["state"][0]
        _, page, _ = await at.visitor.get(f"/callback?state={state}&error=<script>you+have+a+prize")
        assert ("no code was returned" in page, "prize" in page) == (True, False)


async def test_several_tabs_may_sign_in_at_once_and_a_flood_of_beginnings_keeps_nothing(tmp_path: Path) -> None:
    async with provided(tmp_path) as at:
        tabs = [await sent_away(at.visitor, f"/identities?q={number}") for number in range(5)]
        backs = await asyncio.gather(*map(back_from, tabs))
        answers = await asyncio.gather(*map(at.visitor.get, backs))
        assert {headers["Location"] for _, _, headers in answers} == {f"/identities?q={number}" for number in range(5)}
        statuses = [(await at.visitor.get("/enter"))[0] for _ in range(80)]
        assert statuses.count(429) >= 20
        provider = at.visitor.console._sign_in._sign_in  # type: ignore[attr-defined]
        for _ in range(MOST_BEGUN + 5):
            await provider.begin("/", "")
        assert len(provider._pending) == MOST_BEGUN


async def test_nobody_is_sent_away_or_out_by_a_page_elsewhere(tmp_path: Path) -> None:
    async with provided(tmp_path) as at:
        assert (await at.visitor.get("/enter", Sec_Fetch_Site="cross-site"))[0] == 403
        await sign_in(at.visitor)
        csrf = await word(at.visitor)
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
            status, page, _ = await at.visitor.post("/logout", {"csrf": csrf}, **headers)
            assert (status, "sent by a page elsewhere" in page) == (403, True)
        assert (await at.visitor.get("/"))[0] == 200


@pytest.mark.parametrize(
    ("misbehaviour", "said"),
    [
        (saying({"error": "invalid_client", "error_description": "AADSTS7000215: bad"}, 401), "AADSTS7000215"),
        (saying("<html>"), "it does not say why"),
        (endless, "more than 262,144 bytes"),
        (silent, "does not answer within"),
    ],
)
async def test_a_provider_that_fails_is_told_in_one_line_and_nothing_is_lost(
    tmp_path: Path, misbehaviour: Any, said: str
) -> None:
    async with provided(tmp_path) as at:
        back = await back_from(await sent_away(at.visitor))
        at.provider.misbehave["/token"] = misbehaviour
        status, page, _ = await at.visitor.get(back)
        assert (status, said in page) == (503, True)
        del at.provider.misbehave["/token"]
        assert (await sign_in(at.visitor))[0] == 303


async def test_a_provider_that_is_away_keeps_people_out_and_is_in_the_log_before_anybody_comes(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        async with provided(tmp_path, issuer="http://127.0.0.1:9") as at:
            status, page, _ = await at.visitor.get("/enter")
            assert (status, "cannot be reached: Connection refused" in page) == (503, True)
            assert (await at.visitor.get("/login"))[0] == 200
            token = signing_key().sign(ANN)
            status, text, _ = await at.visitor.get("/api/v1/alerts", Authorization=f"Bearer {token}")
            assert (status, "cannot be reached" in json.loads(text)["error"]) == (503, True)
    assert "console_sign_in_unavailable" in [line["event"] for line in lines]


async def test_a_provider_that_is_silent_keeps_nobody_waiting_longer_than_a_page_may_take(tmp_path: Path) -> None:
    async with provided(tmp_path) as at:
        at.provider.misbehave["/.well-known/openid-configuration"] = silent
        answers = await asyncio.gather(*(at.visitor.get("/enter") for _ in range(8)))
        assert {status for status, _, _ in answers} == {503}
        assert (await at.visitor.get("/login"))[0] == 200


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda said: signing_key("strange").sign(said),
        lambda said: signing_key().sign({**said, "aud": "another"}),
        lambda said: signing_key().sign({**said, "nonce": "another"}),
        lambda said: signing_key().sign({**said, "exp": said["exp"] - 4_000}),
        lambda said: "eyJhbGciOiJub25lIn0.e30.",
    ],
)
async def test_a_token_that_is_not_good_lets_nobody_in(tmp_path: Path, spoilt: Any) -> None:
    async with provided(tmp_path) as at:
        at.provider.spoil = spoilt
        status, page, _ = await sign_in(at.visitor)
        assert (status, "token" in page.partition('role="alert"')[2][:200]) == (403, True)
        assert (await at.visitor.get("/"))[0] == 303


async def test_each_person_changes_things_at_a_pace(tmp_path: Path) -> None:
    async with provided(tmp_path, [alert()]) as at, at.another() as bob:
        await sign_in(at.visitor)
        form = {"csrf": await word(at.visitor), "state": "new"}
        answers = [(await at.visitor.post(f"/incidents/{ID}", form))[0] for _ in range(70)]
        assert answers.count(303) == 60
        assert answers[-1] == 429
        at.provider.person |= {"oid": "another"}
        await sign_in(bob)
        assert (await bob.post(f"/incidents/{ID}", {"csrf": await word(bob), "state": "new"}))[0] == 303


async def test_behind_an_ingress_its_address_decides_about_hosts_origins_and_cookies(tmp_path: Path) -> None:
    public, host = "https://unwonted.contoso.example", "unwonted.contoso.example"
    async with provided(tmp_path, public=public) as at:
        for name in ("127.0.0.1", "evil.example", "unwonted.contoso.example.evil.example", ""):
            status, page, _ = await at.visitor.get("/", Host=name)
            assert status in {400, 421}
        status, page, _ = await at.visitor.get("/", Host="10.0.0.7")
        assert "The console answers to unwonted.contoso.example only." in page
        _, _, headers = await at.visitor.get("/enter", Host=host)
        entering = headers["Set-Cookie"]
        flags = r"; HttpOnly;.* Path=/; SameSite=Lax; Secure"
        assert re.fullmatch(rf"__Host-unwonted_entering=[\w-]{{43}}{flags}", entering)
        assert parse_qs(urlsplit(headers["Location"]).query)["redirect_uri"] == [f"{public}/callback"]
        back = await back_from(headers["Location"])
        _, _, headers = await at.visitor.get(back, Host=host, Cookie=entering.partition(";")[0])
        assert re.fullmatch(r"__Host-unwonted=[\w-]{43}; HttpOnly; Path=/; SameSite=Lax; Secure", headers["Set-Cookie"])
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
        kept = headers["Set-Cookie"].partition(";")[0]
        _, text, _ = await at.visitor.get("/api/v1/session", Host=host, Cookie=kept)
        form = {"csrf": json.loads(text)["csrf"]}
        assert (await at.visitor.post("/logout", form, Host=host, Cookie=kept, Origin=f"http://{host}"))[0] == 403
        assert (await at.visitor.post("/logout", form, Host=host, Cookie=kept, Origin=public))[0] == 200


async def test_no_secret_is_in_a_line_of_the_log_or_in_a_page(tmp_path: Path) -> None:
    pages = []
    with structlog.testing.capture_logs() as lines:
        async with provided(tmp_path) as at:
            away = await sent_away(at.visitor)
            back = await back_from(away)
            pages += [(await at.visitor.get(back))[1], (await at.visitor.get(back))[1]]
            token = at.provider.token(nonce=None)
            pages.append((await at.visitor.get("/api/v1/alerts", Authorization=f"Bearer {token}x"))[1])
            at.provider.misbehave["/token"] = saying({"error": SECRET, "error_description": SECRET}, 401)
            pages.append((await sign_in(at.visitor))[1])
            pages.append((await at.visitor.post("/logout", {"csrf": await word(at.visitor)}))[1])
            query = {**parse_qs(urlsplit(away).query), **parse_qs(urlsplit(back).query)}
            secrets = [
                SECRET,
                token,
                *at.visitor.cookies.values(),
                *(query[name][0] for name in ("state", "nonce", "code")),
            ]
    said = repr(lines) + "".join(pages)
    assert [secret for secret in secrets if secret in said] == []
