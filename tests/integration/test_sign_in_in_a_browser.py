"""Signing in to the console by way of a provider in a real Chromium, whose own rules about cookies and forms hold."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright

from service.openid.provider import FRESH_SECONDS
from tests.fakes.alerts import alert
from tests.service.console.provided import IDLE, Provided, provided
from tests.service.console.test_decisions import Desk

BROWSER = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
ID = alert().id

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(BROWSER is None, reason="SIGNING IN IS NOT TRIED IN A BROWSER: install chromium"),
]


class Visit(NamedTuple):
    """A browser at a console, and whatever in it was not as it should be."""

    at: Provided
    context: BrowserContext
    page: Page
    wrong: list[str]


@asynccontextmanager
async def visiting(folder: Path, desk: Desk | None = None) -> AsyncIterator[Visit]:
    # Another site than the console's, as a provider is: what a browser sends along depends on that.
    at_provider = provided(folder, [alert()], desk=desk, provider_host="localhost")
    async with at_provider as at, async_playwright() as driver:
        at.provider.asks = True
        browser = await driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context()
        context.set_default_timeout(60_000)
        page = await context.new_page()
        visit = Visit(at, context, page, [])
        page.on("pageerror", lambda error: visit.wrong.append(str(error)))

        def note(said: ConsoleMessage) -> None:
            if said.type == "error" and not said.location["url"].startswith(at.provider.url):
                visit.wrong.append(said.text)

        page.on("console", note)
        yield visit
        await browser.close()


async def enter(visit: Visit, page: Page | None = None) -> None:
    """Go from the page that asks who one is to the provider, and back."""
    page = page or visit.page
    await page.get_by_role("link", name="Go to localhost").click()
    await page.get_by_role("link", name="Go on as Ann").click()
    await page.locator(".who", has_text="ann@contoso.example").wait_for()


async def test_an_analyst_comes_by_a_link_signs_in_judges_and_leaves(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with visiting(tmp_path, desk) as visit:
        page, public = visit.page, visit.at.public
        await page.goto(f"{public}/alerts/{ID}")
        await enter(visit)
        assert page.url == f"{public}/alerts/{ID}", "they are where the link led"
        assert await page.evaluate("document.cookie") == "", "no script sees a cookie"
        await page.get_by_label("Why, for whoever reads this").fill("INC-7")
        await page.get_by_role("button", name="An attack").click()
        await page.locator(".said", has_text="Found malicious by ann@contoso.example").wait_for()
        kept = await visit.context.cookies()
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url(f"{public}/login")
        assert [left["logout_hint"] for left in visit.at.provider.left] == ["hint-of-ann"], "at the provider, too"
        for one in kept:
            await visit.context.add_cookies(
                [{"name": one.get("name", ""), "value": one.get("value", ""), "url": public}]
            )
        await page.goto(public)
        assert await page.get_by_role("link", name="Go to localhost").count() == 1, (
            "a session that was left is replayed"
        )
        assert visit.wrong == []
    assert [one.by for one in (await desk.kept()).entries] == ["ann@contoso.example"]


async def test_a_reader_is_shown_no_button_and_whoever_has_no_role_is_told_so(tmp_path: Path) -> None:
    async with visiting(tmp_path, Desk(tmp_path)) as visit:
        page = visit.page
        visit.at.provider.person |= {"roles": ["reader"]}
        await page.goto(f"{visit.at.public}/alerts/{ID}")
        await enter(visit)
        await page.get_by_role("heading", name="Verdict").wait_for()
        assert await page.locator("form.verdicts").count() == 0
        visit.at.provider.person |= {"roles": []}
        await visit.context.clear_cookies()
        await page.goto(visit.at.public)
        await page.get_by_role("link", name="Go to localhost").click()
        await page.get_by_role("link", name="Go on as Ann").click()
        await page.get_by_role("alert").filter(has_text="has no role here: one of these is missing").wait_for()
        await page.get_by_role("link", name="Enter as somebody else").wait_for()
        # Chromium writes a line for every page that is refused.
        assert [one for one in visit.wrong if "status of 403" not in one] == []


async def test_two_tabs_sign_in_at_once_and_who_decides_too_late_comes_back_to_the_page(tmp_path: Path) -> None:
    async with visiting(tmp_path, Desk(tmp_path)) as visit:
        first, second = visit.page, await visit.context.new_page()
        for page in (first, second):
            await page.goto(f"{visit.at.public}/alerts/{ID}")
            await page.get_by_role("link", name="Go to localhost").click()
        for page in (first, second):
            await page.get_by_role("link", name="Go on as Ann").click()
            await page.locator(".who", has_text="ann@contoso.example").wait_for()
        await first.get_by_label("Why, for whoever reads this").fill("INC-7")
        await visit.at.clock.advance(IDLE)
        await first.get_by_role("button", name="An attack").click()
        await enter(visit)
        assert first.url == f"{visit.at.public}/alerts/{ID}"
        assert visit.wrong == []


async def test_a_page_elsewhere_cannot_act_in_somebodys_name(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with visiting(tmp_path, desk) as visit:
        page, public = visit.page, visit.at.public
        await page.goto(f"{public}/alerts/{ID}")
        await enter(visit)
        await page.goto(f"{visit.at.provider.url}/.well-known/openid-configuration")
        await page.set_content(
            f"<form method=post action='{public}/alerts/{ID}/verdict'><input name=kind value=benign>"
            "<input name=why value=x><button>Win a prize</button></form>"
        )
        await page.get_by_role("button", name="Win a prize").click()
        await page.get_by_text("This was sent by a page elsewhere").wait_for()
    assert len(await desk.kept()) == 0


async def test_everybody_can_use_the_pages_at_the_door(tmp_path: Path) -> None:
    if not AXE.exists():
        pytest.skip("WHO CAN USE THE CONSOLE IS NOT JUDGED: run npm ci")
    judge = await asyncio.to_thread(AXE.read_text)
    async with visiting(tmp_path) as visit:
        visit.at.provider.discovery = {"end_session_endpoint": None}  # else "signed out" is gone before it is judged
        await visit.at.clock.advance(FRESH_SECONDS)
        found: list[str] = []
        await visit.page.goto(visit.at.public)
        for step in ("sign in", "signed out"):
            await visit.page.evaluate(judge)
            wrong = (await visit.page.evaluate("axe.run()"))["violations"]
            found += [f"{step}: {one['id']}" for one in wrong if one["impact"] in {"serious", "critical"}]
            if step == "sign in":
                await enter(visit)
                await visit.page.get_by_role("button", name="Sign out").click()
                await visit.page.get_by_role("heading", name="Signed out").wait_for()
        assert found == []
