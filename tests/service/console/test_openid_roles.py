"""What readers and analysts may do on each page, for programs as for people, and how a link from a card gets there."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog

from service.console.access import Role
from service.console.news import LOOK_EVERY
from service.console.routes import PAGES
from tests.fakes.alerts import alert
from tests.fakes.openid_provider import ANN as PERSON
from tests.service.console.provided import IDLE, provided, sign_in
from tests.service.console.test_coverage_page import Sinks, live
from tests.service.console.test_decisions import Desk
from tests.service.console.test_news import heard, moved
from tests.service.console.test_openid_sign_in import word
from tests.service.console.test_what_if import ADDRESS, SEEN, Service

ID = alert().id
SHOWN = ("/tuning", "/explorer", "/coverage", f"/alerts/{ID}/suppress", f"{ADDRESS}&action=a/delete")
TESTS = ("/sinks/chat/test", "/api/v1/sinks/chat/test")


def test_whatever_changes_something_is_for_analysts_and_nothing_else_is() -> None:
    assert {(route.method, route.role) for route in PAGES} == {("GET", Role.READER), ("POST", Role.ANALYST)}


@pytest.mark.integration
async def test_a_reader_sees_every_page_and_sends_no_test_messages(tmp_path: Path) -> None:
    sinks = Sinks()
    with structlog.testing.capture_logs() as lines:
        shows = live(sinks)._replace(what_if=Service().what_if)
        async with provided(tmp_path, [alert(), *SEEN], live=lambda: shows) as at:
            at.provider.person |= {"roles": ["reader"]}
            await sign_in(at.visitor)
            token = f"Bearer {at.provider.token(nonce=None)}"
            for path in SHOWN:
                status, page, _ = await at.visitor.get(path)
                assert (status, 'method="post"' in page.replace('action="/logout" method="post"', "")) == (200, False)
                assert (await at.visitor.get(f"/api/v1{path}", Authorization=token))[0] == 200
            form = {"csrf": await word(at.visitor)}
            for path in TESTS:
                status, page, _ = await at.visitor.post(path, form)
                assert (status, "needs the role analyst" in page) == (403, True)
            assert (await at.visitor.post(TESTS[1], {}, Authorization=token))[0] == 403
    assert sinks.asked == []
    refused = [line["path"] for line in lines if line["event"] == "console_decision_refused"]
    assert refused == [*TESTS, TESTS[1]]


@pytest.mark.integration
async def test_an_analyst_tests_a_sink_from_a_page_of_ours_or_with_a_token_and_the_log_says_who(tmp_path: Path) -> None:
    sinks = Sinks()
    with structlog.testing.capture_logs() as lines:
        async with provided(tmp_path, [alert()], live=lambda: live(sinks)) as at:
            await sign_in(at.visitor)
            assert 'action="/sinks/chat/test"' in (await at.visitor.get("/coverage"))[1]
            form = {"csrf": await word(at.visitor)}
            for path in TESTS:
                assert (await at.visitor.post(path, {}))[0] == 403
                assert (await at.visitor.post(path, form, Origin="https://evil.example"))[0] == 403
                assert (await at.visitor.post(path, form, Origin=at.public))[0] == 200
            token = f"Bearer {at.provider.token(nonce=None)}"
            assert (await at.visitor.post(TESTS[1], {}, Authorization=token))[0] == 200
            assert (await at.visitor.post(TESTS[0], {}, Authorization=token))[0] == 403, "pages are for browsers"
    assert sinks.asked == ["chat"] * 3
    told = [(line["by"], line["subject"]) for line in lines if line["event"] == "console_tested_sink"]
    assert told == [("ann@contoso.example", PERSON["oid"])] * 3


@pytest.mark.integration
@pytest.mark.parametrize("role", ["reader", "analyst"])
async def test_a_link_from_a_card_is_still_there_after_signing_in_and_decides_nothing(
    tmp_path: Path, role: str
) -> None:
    desk, link = Desk(tmp_path), f"/alerts/{ID}?verdict=malicious&from=card"
    async with provided(tmp_path, [alert()], desk=desk) as at:
        at.provider.person |= {"roles": [role]}
        _, _, headers = await at.visitor.get(link, Sec_Fetch_Site="cross-site")
        assert headers["Location"] == f"/login?next={quote(link, safe='')}"
        _, page, _ = await at.visitor.get(headers["Location"])
        assert f'href="/enter?next={quote(link, safe="").replace("%2F", "/")}"' in page.replace("%2F", "/")
        _, _, headers = await sign_in(at.visitor, link)
        assert headers["Location"] == link
        _, page, _ = await at.visitor.get(link, Sec_Fetch_Site="cross-site")
    chosen = 'value="malicious" title="Learn nothing of what this identity does meanwhile" class="main"'
    assert (chosen in page, "Verdicts need the role analyst" in page) == (role == "analyst", role == "reader")
    assert len(await desk.kept()) == 0


@pytest.mark.integration
async def test_being_told_of_news_keeps_no_session_alive_and_ends_with_it(tmp_path: Path) -> None:
    async with provided(tmp_path, [alert(1)]) as at:
        await sign_in(at.visitor)
        await at.clock.advance(IDLE - LOOK_EVERY)
        async with at.visitor.listen(Last_Event_ID="1.0.0") as answer:
            assert (answer.status, await heard(answer)) == (200, "retry: 3000")
            assert await moved(at.clock, answer) == ""
        async with at.visitor.listen() as answer:
            assert answer.status == 401
        assert (await at.visitor.get("/"))[0] == 303


@pytest.mark.integration
async def test_programs_come_with_an_access_token(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with provided(tmp_path, [alert()], desk=desk) as at:
        token = f"Bearer {at.provider.token(nonce=None)}"
        status, text, _ = await at.visitor.get("/api/v1/alerts", Authorization=token)
        assert (status, json.loads(text)["alerts"][0]["id"]) == (200, ID)
        form = {"kind": "malicious", "why": "INC-7"}
        status, _, _ = await at.visitor.post(f"/api/v1/alerts/{ID}/verdict", form, Authorization=token)
        assert status == 200
        reader = f"bearer {at.provider.token(roles=['reader'], preferred_username=None, name=None)}"
        assert (await at.visitor.get("/api/v1/alerts", Authorization=reader))[0] == 200
        status, text, _ = await at.visitor.post(f"/api/v1/alerts/{ID}/verdict", form, Authorization=reader)
        assert (status, json.loads(text)["error"]) == (403, "this needs the role analyst")
        for wrong, status, said in (
            ("Bearer ", 401, "this is not a token"),
            ("Bearer made.up.token", 401, "this is not a token"),
            (f"Bearer {at.provider.token(nonce='x')}", 401, "this is an ID token"),
            (f"Bearer {at.provider.token(aud='another')}", 401, "for another application"),
            (f"Bearer {at.provider.token(roles=[], preferred_username=None)}", 403, "one of these is missing"),
            ("Basic YTpi", 401, "sign in first"),
        ):
            got, text, _ = await at.visitor.get("/api/v1/alerts", Authorization=wrong)
            assert (got, said in json.loads(text)["error"]) == (status, True)
        assert (await at.visitor.get("/", Authorization=token))[0] == 303, "pages are for browsers"
        _, text, _ = await at.visitor.get("/api/v1/openapi.json", Authorization=token)
        assert json.loads(text)["security"] == [{"session": []}, {"token": []}]
    assert [one.by for one in (await desk.kept()).entries] == ["ann@contoso.example"]


@pytest.mark.integration
@pytest.mark.parametrize("path", ["/incidents.csv", "/incidents.ndjson"])
async def test_programs_take_files_along_with_an_access_token(tmp_path: Path, path: str) -> None:
    async with provided(tmp_path, [alert()]) as at:
        token = f"Bearer {at.provider.token(nonce=None, roles=['reader'])}"
        status, text, _ = await at.visitor.get(path, Authorization=token)
        assert (status, ID in text) == (200, True)
        assert (await at.visitor.get(path, Authorization="Bearer made.up.token"))[0] == 401
        _, text, _ = await at.visitor.get("/api/v1/openapi.json", Authorization=token)
        assert path in json.loads(text)["paths"]
