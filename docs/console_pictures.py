"""``python -m docs.console_pictures``: pictures of the console for its page, of a simulated tenant, with Chromium.

They take a minute and a browser, and are made again when what they show has changed much; nothing compares them.
"""

import asyncio
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import msgspec
from click.testing import CliRunner
from playwright.async_api import async_playwright

from demo.tenant import Tenant, TenantPlan
from service.cli import main as unwonted
from service.clock import SystemClock
from service.console import Console, TokenSignIn
from service.history import History
from service.settings import Settings
from service.verdicts import FileVerdictStore
from service.wiring import JournalDesk, build_engine

FOLDER = Path(__file__).parent / "images" / "console"
PLAN = TenantPlan(seed=24, identities=60, days=37, campaigns=8, campaigns_from=32)
WIDTH, HEIGHT = 1280, 900


def play(folder: Path) -> Path:
    """Replay the tenant; returns its history."""
    encode = msgspec.json.Encoder().encode
    lines, history = folder / "tenant.ndjson", folder / "history.sqlite"
    lines.write_bytes(b"".join(encode(arrival.record) + b"\n" for arrival in Tenant(PLAN).records()))
    result = CliRunner().invoke(unwonted, ["replay", "--quiet", "--history", str(history), str(lines)])
    if result.exit_code:
        sys.exit(result.stderr)
    return history


async def draw(path: Path, token_file: Path) -> None:
    """Write the pictures."""
    browser = shutil.which("chromium") or sys.exit("chromium is not installed")
    clock = SystemClock()
    with History(path) as history:
        people = [one for one in history.alerts() if one.kind == "human" and one.severity == "critical"]
        told = max(people, key=lambda one: one.findings)
        sign_in = TokenSignIn(clock, token_file, 600.0)
        console = Console(
            lambda: history,
            clock,
            sign_in,
            host="127.0.0.1",
            port=0,
            version="0",
            desk=JournalDesk(FileVerdictStore(token_file.with_name("verdicts")), build_engine(Settings()), clock),
            now=lambda: told.window_end + timedelta(days=1),
        )
        await console.start()
        async with async_playwright() as driver:
            opened = await driver.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
            page = await opened.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            await page.goto(f"{console.address}/enter?token={sign_in.token}")
            for name, address, height in (
                ("incidents", "/?days=90", 640),
                ("alert", f"/alerts/{told.id}", 1400),
                ("identity", f"/identity?id={quote(told.subject, safe='')}", 1150),
                ("explorer", "/explorer", 900),
                ("tuning", "/tuning?days=28&all=-6", 1100),
            ):
                await page.set_viewport_size({"width": WIDTH, "height": height})
                await page.goto(console.address + address)
                await page.wait_for_load_state("networkidle")
                await page.screenshot(path=FOLDER / f"{name}.png")
            await opened.close()
        await console.stop()


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        asyncio.run(draw(play(Path(name)), Path(name) / "token"))
