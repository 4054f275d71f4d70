"""The console over real HTTP: who is let in, who is not and why, and what a browser may do with a page."""

import re
from pathlib import Path

import pytest
import structlog

from service.clock import SystemClock
from service.console.server import Console
from service.console.token_sign_in import TokenSignIn
from service.history.reading import History
from service.history.schema import NoHistory
from tests.fakes.alerts import alert
from tests.service.console.browsing import serving

pytestmark = pytest.mark.integration

PAGES = [
    "/",
    "/incidents.csv",
    "/incidents.ndjson",
    "/identities",
    "/coverage",
    "/explorer",
    "/tuning",
    "/search?q=ann",
    f"/alerts/{alert().id}/suppress",
    f"/alerts/{alert().id}",
]


async def test_who_has_not_entered_is_asked_who_they_are_and_then_gets_where_they_wanted(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert()]) as visitor:
        headers: dict[str, str] = {}
        for path in PAGES:
            status, _, headers = await visitor.get(path)
            assert status == 303
            assert headers["Location"].startswith("/login?next=%2F")
        _, page, _ = await visitor.get(headers["Location"])
        wanted = re.search(r'name="next" value="([^"]+)"', page)
        assert wanted
        assert wanted[1] == PAGES[-1]
        status, _, headers = await visitor.post("/login", {"token": visitor.token, "next": wanted[1]})
        assert (status, headers["Location"]) == (303, PAGES[-1])
        for path in PAGES:
            assert (await visitor.get(path))[0] == 200


async def test_programs_are_told_in_their_words(tmp_path: Path) -> None:
    async with serving(tmp_path) as visitor:
        status, text, _ = await visitor.get("/api/v1/alerts")
        assert (status, text) == (401, '{"error": "sign in first: this needs the cookie of a session"}')
        await visitor.enter()
        status, text, _ = await visitor.get("/api/v1/alerts/none")
        assert (status, text) == (404, '{"error": "no alert has this id"}')


async def test_the_address_that_is_printed_lets_in_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as visitor:
        path = f"/enter?token={visitor.token}"
        status, _, headers = await visitor.get(path)
        assert (status, headers["Location"]) == (303, "/")
        assert (await visitor.get("/"))[0] == 200
        status, page, _ = await visitor.get(path)
        assert status == 403
        assert "each works once" in page


async def test_a_cookie_is_for_this_browser_alone_and_worth_nothing_after_leaving(tmp_path: Path) -> None:
    async with serving(tmp_path) as visitor:
        _, _, headers = await visitor.post("/login", {"token": visitor.token})
        cookie = headers["Set-Cookie"]
        assert re.fullmatch(r"unwonted_\d+=[\w-]{43}; HttpOnly; Path=/; SameSite=Strict", cookie)
        _, page, _ = await visitor.get("/")
        word = re.search(r'name="csrf" value="([^"]+)"', page)
        assert word
        kept = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        status, _, headers = await visitor.post("/logout", {"csrf": word[1]})
        assert (status, headers["Location"]) == (303, "/login")
        status, _, _ = await visitor.get("/", Cookie=kept)
        assert status == 303, "a session that was left is replayed"


@pytest.mark.parametrize(
    ("form", "headers", "line"),
    [
        ({}, {}, "This form is not of your session: open the page again, and send it from there."),
        ({"csrf": "forged"}, {}, "This form is not of your session: open the page again, and send it from there."),
        ({"csrf": "own"}, {"Origin": "https://evil.example"}, "This was sent by a page elsewhere."),
        ({"csrf": "own"}, {"Sec_Fetch_Site": "cross-site"}, "This was sent by a page elsewhere."),
    ],
)
async def test_what_was_not_meant_is_refused_in_one_line(
    tmp_path: Path, form: dict[str, str], headers: dict[str, str], line: str
) -> None:
    async with serving(tmp_path) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get("/")
        word = re.search(r'name="csrf" value="([^"]+)"', page)
        assert word
        status, page, _ = await visitor.post(
            "/logout", {name: word[1] if value == "own" else value for name, value in form.items()}, **headers
        )
        assert status == 403
        assert line in page.replace("&#39;", "'")
        assert (await visitor.get("/"))[0] == 200, "they are still signed in"


async def test_every_answer_tells_the_browser_to_run_and_load_nothing_that_is_not_ours(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert()]) as visitor:
        answers = [await visitor.get("/login"), await visitor.get("/nowhere"), await visitor.get("/static/console.js")]
        await visitor.enter()
        answers += [await visitor.get(path) for path in [*PAGES, "/nowhere", "/static/nothing", "/api/v1/openapi.json"]]
        for _, _, headers in answers:
            policy = headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none';")
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "store" in headers["Cache-Control"] or headers["Content-Type"].startswith("text/javascript")
        assert not re.search(
            r"<script(?! src=)|<style|\sstyle=|\son\w+=|javascript:", "".join(page for _, page, _ in answers)
        )


async def test_whoever_may_get_a_page_may_ask_for_its_head_and_is_told_otherwise_what_they_may(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert()]) as visitor:
        await visitor.enter()
        for path in PAGES:
            status, body, headers = await visitor.head(path)
            assert (status, body) == (200, ""), path
            assert headers["Content-Type"] == (await visitor.get(path))[2]["Content-Type"]
        status, _, headers = await visitor.get(f"/alerts/{alert().id}/verdict")
        assert (status, headers["Allow"]) == (405, "POST")


async def test_a_name_that_was_made_to_lead_here_gets_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as visitor:
        await visitor.enter()
        status, page, _ = await visitor.get("/", Host="evil.example")
        assert status == 421
        assert "127.0.0.1 and localhost only" in page


@pytest.mark.parametrize(
    "onward", ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", ""]
)
async def test_entering_leads_nowhere_else(tmp_path: Path, onward: str) -> None:
    async with serving(tmp_path) as visitor:
        _, _, headers = await visitor.post("/login", {"token": visitor.token, "next": onward})
        assert headers["Location"] == "/"


async def test_secrets_are_in_no_line_of_the_log(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        async with serving(tmp_path) as visitor:
            await visitor.post("/login", {"token": "guessed-token"})
            await visitor.enter()
            await visitor.post("/logout", {"csrf": "forged-word"})
            secrets = [visitor.token, "guessed-token", "forged-word", *visitor.cookies.values()]
            secrets.append((tmp_path / "token").read_text().strip())
    said = repr(lines)
    assert [line["event"] for line in lines] == ["console_listening", "console_refused", "console_entered"]
    assert [secret for secret in secrets if secret in said] == []


async def test_without_a_history_it_says_so_and_shows_one_as_soon_as_there_is(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert()]) as visitor:
        await visitor.enter()
        path = tmp_path / "history.sqlite"
        aside = path.rename(tmp_path / "aside")
        status, page, _ = await visitor.get("/")
        assert status == 503
        assert "There is no history yet" in page
        aside.rename(path)
        assert (await visitor.get("/"))[0] == 200


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path) as visitor:
        port = int(visitor.console.address.rpartition(":")[2])
        clock, history = SystemClock(), History(tmp_path / "history.sqlite")
        sign_in = TokenSignIn(clock, tmp_path / "other", 60.0)
        second = Console(lambda: history, clock, sign_in, host="127.0.0.1", port=port, version="1")
        with pytest.raises(OSError, match=rf"console\.port: cannot listen on 127\.0\.0\.1:{port}"):
            await second.start()


async def test_it_starts_once_and_stops_for_good(tmp_path: Path) -> None:
    def no_history() -> History:
        raise NoHistory("none")

    sign_in = TokenSignIn(SystemClock(), tmp_path / "token", 60.0)
    said: list[str] = []
    console = Console(no_history, SystemClock(), sign_in, host="::1", port=0, version="1", announce=said.append)
    await console.start()
    await console.start()
    [address] = said
    assert re.fullmatch(r"http://\[::1\]:\d+/enter\?token=[\w-]{43}", address)
    await console.stop()
    await console.stop()
