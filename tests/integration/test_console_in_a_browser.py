"""The console in a real Chromium: what a newcomer does there, with and without a mouse, and what names cannot do."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from models.stream import Actor, ActorKind
from service.clock import SystemClock
from service.console import Console, Live, PartitionState, SinkState, TokenSignIn, VerdictDesk
from service.core.engine import imagine
from service.core.verdicts import Verdicts, read_journal
from service.history import History
from service.settings.root import Settings
from service.verdicts import FileVerdictStore
from service.wiring import JournalDesk, build_engine
from tests.fakes.alerts import alert
from tests.fakes.clock import MONDAY_MORNING, FakeClock
from tests.fakes.hostile_names import KNOWN
from tests.service.console.played import play
from tests.service.console.test_pages import entries_of
from tests.service.history.seen import save

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
BROWSER = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(BROWSER is None, reason="THE CONSOLE IS NOT TRIED IN A BROWSER: install chromium"),
]


ALONE = Live()


class Played(NamedTuple):
    path: Path
    end: datetime


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    path = tmp_path_factory.mktemp("played") / "history.sqlite"
    return Played(path, play(path))


class Visit(NamedTuple):
    """A browser window at the console, and whatever in it was not as it should be."""

    page: Page
    console: Console
    token_file: Path
    wrong: list[str]

    async def open(self, path: str) -> None:
        answer = await self.page.goto(self.console.address + path)
        assert answer is not None
        assert answer.status == 200, path


@asynccontextmanager
async def visiting(
    path: Path, now: datetime, desk: VerdictDesk | None = None, live: Live = ALONE, **options: Any
) -> AsyncIterator[Visit]:
    """Open the address that the console prints in a browser of its own."""
    clock = SystemClock()
    with History(path) as history:
        sign_in = TokenSignIn(clock, path.with_name("token"), 3600.0)
        console = Console(
            lambda: history,
            clock,
            sign_in,
            host="127.0.0.1",
            port=0,
            version="1",
            desk=desk,
            now=lambda: now,
            live=lambda: live,
        )
        await console.start()
        try:
            async with async_playwright() as driver:
                browser: Browser = await driver.chromium.launch(
                    executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"]
                )
                context: BrowserContext = await browser.new_context(**options)
                context.set_default_timeout(60_000)
                page = await context.new_page()
                visit = Visit(page, console, sign_in.file, [])
                page.on("pageerror", lambda error: visit.wrong.append(str(error)))
                page.on("console", lambda said: visit.wrong.append(said.text) if said.type == "error" else None)
                page.on("dialog", lambda dialog: visit.wrong.append(f"a dialog: {dialog.message}"))
                page.on(
                    "request",
                    lambda asked: None if asked.url.startswith(console.address) else visit.wrong.append(asked.url),
                )
                await page.goto(f"{console.address}/enter?token={sign_in.token}")
                yield visit
                await browser.close()
        finally:
            await console.stop()


async def test_a_newcomer_opens_one_address_finds_the_attack_and_sees_why(played: Played) -> None:
    async with visiting(played.path, played.end, permissions=["clipboard-read", "clipboard-write"]) as visit:
        page = visit.page
        assert await page.title() == "Incidents · Unwonted"
        worst = page.locator("tr", has=page.locator(".sev.critical, .sev.high")).first
        who = await worst.locator("td").nth(2).locator("a").inner_text()
        await worst.locator("[data-row]").click()
        if "/incidents/" in page.url:
            await page.locator("[data-row]").first.click()
        assert (await page.locator("h1").inner_text()).startswith(f"{who}: ")
        assert await page.locator(".falls .sum").first.is_visible()
        assert await page.locator(".day tr.odd").count() >= 1
        await page.locator("[data-copy=kql]").click()
        await page.locator("[data-copy=kql]", has_text="copied").wait_for()
        assert (await page.evaluate("navigator.clipboard.readText()")).startswith(
            "AzureActivity\n| where TimeGenerated"
        )
        await page.locator("dl.strip a", has_text=who).click()
        assert await page.locator("h1").inner_text() == who
        assert await page.locator("#timeline canvas").is_visible()
        assert visit.wrong == []


async def test_a_newcomer_marks_one_alert_fine_and_one_an_attack_and_sees_that_both_are_heeded(
    played: Played, tmp_path: Path
) -> None:
    store, engine = FileVerdictStore(tmp_path / "verdicts.ndjson"), build_engine(Settings())
    desk = JournalDesk(store, engine, FakeClock(played.end))
    path = tmp_path / "history.sqlite"
    await asyncio.to_thread(shutil.copy, played.path, path)
    with History(path) as history:
        attack, fine = sorted(history.alerts(limit=50), key=lambda one: -one.score)[:2]
    async with visiting(path, played.end, desk) as visit:
        page = visit.page
        for alert, button, said in (
            (attack.id, "An attack", "malicious"),
            (fine.id, "Fine: learn it", "benign"),
        ):
            await visit.open(f"/alerts/{alert}")
            await page.get_by_role("button", name=button).click()
            assert await page.locator(".said").count() == 0, "nobody has said why"
            await page.get_by_label("Why, for whoever reads this").fill(f"looked at {said}")
            await page.get_by_role("button", name=button).click()
            await page.locator(".said", has_text=f"Found {said} by console").wait_for()
        await visit.open(f"/alerts/{attack.id}")
        await page.locator(".tag", has_text="acknowledged").wait_for()
        for button, state in (("Close", "closed"), ("Open again", "new"), ("Acknowledge", "acknowledged")):
            await page.get_by_role("button", name=button).click()
            await page.locator(".tag", has_text=state).first.wait_for()
        await page.goto(visit.console.address)
        assert await page.locator("tr", has_text="acknowledged").count() == 1
        for said in ("malicious", "benign"):
            assert await page.locator(".tag.verdict", has_text=said).count() >= 1
        await visit.open(f"/identity?id={quote(attack.subject, safe='')}")
        assert await page.locator(".tag.verdict", has_text="malicious").count() >= 1
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_label("Token").fill(visit.token_file.read_text())
        await page.get_by_label("Your name").fill("ann")
        await page.get_by_role("button", name="Sign in").click()
        await page.locator(".who", has_text="ann").wait_for()
        assert visit.wrong == []
    engine.accept(Verdicts(read_journal(await store.read()).verdicts))
    heeded = {one.alert: one.kind.value for one in engine.rulings.verdicts.entries}
    assert heeded == {attack.id: "malicious", fine.id: "benign"}


async def test_a_new_alert_comes_into_the_list_by_itself(played: Played, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    await asyncio.to_thread(shutil.copy, played.path, path)
    new = alert(
        7, actor_name="newcomer@contoso.com", window_start=played.end, window_end=played.end + timedelta(hours=2)
    )
    async with visiting(path, played.end) as visit:
        async with visit.page.expect_response("**/news"):
            await visit.page.reload()
        save(path, [new])
        await visit.page.locator("tr.fresh", has_text="newcomer@contoso.com").wait_for()
        assert visit.wrong == []


async def test_days_are_chosen_by_dragging_and_thresholds_by_sliding(played: Played) -> None:
    async with visiting(played.path, played.end) as visit:
        page = visit.page
        await visit.open("/explorer")
        bar = await page.locator("#brush").bounding_box()
        assert bar is not None
        await page.mouse.move(bar["x"] + bar["width"] * 0.9, bar["y"] + 20)
        await page.mouse.down()
        await page.mouse.move(bar["x"] + bar["width"] * 0.97, bar["y"] + 20)
        await page.mouse.up()
        await page.wait_for_url("**/explorer?since=*&until=*")
        assert 2 <= await page.locator(".lanes thead time").count() <= 20
        await visit.open("/tuning?days=28")
        await page.get_by_label("Points added to every threshold below").focus()
        for _ in range(10):
            await page.keyboard.press("ArrowLeft")
        await page.locator("#yaml", has_text="threshold:").wait_for()
        await page.wait_for_url("**/tuning?*all=-10*")
        assert visit.wrong == []


async def test_a_keyboard_is_enough(played: Played) -> None:
    async with visiting(played.path, played.end) as visit:
        page = visit.page
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await page.keyboard.press("k")
        first = await page.locator("[data-row]").first.get_attribute("href")
        assert await page.evaluate("document.activeElement.getAttribute('href')") == first
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**{first}")
        await page.keyboard.press("/")
        await page.keyboard.type("contoso")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/search?q=contoso")
        assert await page.locator("[data-row]").count() > 3
        await page.keyboard.press("/")
        await page.keyboard.press("Escape")
        await page.keyboard.press("j")
        assert "/identity" in str(await page.evaluate("document.activeElement.getAttribute('href')"))
        assert visit.wrong == []


LOOKS = [
    {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    for scheme, width in (("light", 1280), ("dark", 390))
]


@pytest.mark.parametrize("look", LOOKS, ids=lambda one: f"{one['color_scheme']}-{one['viewport']['width']}")
async def test_everybody_can_use_it_in_every_look(played: Played, look: dict[str, Any], tmp_path: Path) -> None:
    if not AXE.exists():
        pytest.skip("WHO CAN USE THE CONSOLE IS NOT JUDGED: run npm ci")
    judge = await asyncio.to_thread(AXE.read_text)
    with History(played.path) as history:
        worst = max(history.alerts(), key=lambda one: one.score)
        together = max(history.incidents(), key=lambda one: len(one.alerts))
    paths = [
        "/",
        f"/alerts/{worst.id}",
        f"/alerts/{worst.id}/suppress?reason=moving&owner=dba&learn=no",
        f"/incidents/{together.id}",
        f"/identity?id={worst.subject}",
        f"/identity/what-if?id={worst.subject}&action=Microsoft.KeyVault/vaults/delete&hour=3&from=203.0.113.7",
        "/identities",
        "/search?q=contoso",
        "/coverage",
        "/tuning?days=14&all=-8",
        "/explorer",
    ]
    found: list[str] = []
    engine = build_engine(Settings())
    desk = JournalDesk(FileVerdictStore(tmp_path / "verdicts"), engine, FakeClock(played.end))
    live = Live(
        partitions=[PartitionState("0", 3, played.end)],
        sinks=[SinkState("chat", "slack", 0), SinkState("desk", "webhook", 2, played.end, "http_404")],
        kept=["snapshot.daily-2026-01-20.ndjson.gz"],
        what_if=lambda identity, activity: imagine(engine, Actor(identity, "ann", ActorKind.HUMAN), activity),
    )
    async with visiting(played.path, played.end, desk, live, **look) as visit:
        for path in paths:
            await visit.open(path)
            await visit.page.evaluate(judge)
            found += [
                f"{path}: {one['id']}: {one['nodes'][0]['html'][:200]}"
                for one in (await visit.page.evaluate("axe.run()"))["violations"]
                if one["impact"] in {"serious", "critical"}
            ]
            too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            if path == "/explorer":
                newest = visit.page.locator(".lanes thead th").last
                assert await newest.evaluate("one => one.getBoundingClientRect().right <= innerWidth"), "hidden"
            if await visit.page.evaluate(too_wide):
                found.append(f"{path}: scrolls sideways")
        assert visit.wrong == []
    assert found == [], "\n".join(found)


async def test_no_name_is_executed_shown_as_markup_or_led_elsewhere(tmp_path: Path) -> None:
    names = [name for name in KNOWN if any(mark in name for mark in "<{$'\"\\") and len(name) < 1_000]
    path = tmp_path / "history.sqlite"
    save(path, [entry for number, name in enumerate(names, 1) for entry in entries_of(name, number)])
    with History(path) as history:
        alerts, people = history.alerts(), history.identities(limit=100)
    assert len(alerts) == len(people) - 1 == len(names), "and who came last, so that all was closed"
    async with visiting(path, MONDAY_MORNING + timedelta(days=1)) as visit:
        for address in ("/", "/identities", *(f"/alerts/{one.id}" for one in alerts)):
            await visit.open(address)
            assert await visit.page.locator("iframe, object, embed, base, style, main script, svg a").count() == 0
        for one in people:
            await visit.open(f"/identity?id={quote(one.actor.id, safe='')}")
            await visit.page.locator("#timeline canvas").wait_for()
        assert visit.wrong == []
