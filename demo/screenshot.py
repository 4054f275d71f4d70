"""Takes a picture of the page with Chromium, where that is installed."""

import asyncio
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


async def screenshot(url: str, file: Path, width: int = 1280, height: int = 960) -> str | None:
    """Write a PNG of the page at `url`; returns why not, if it could not."""
    browser = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if browser is None:
        return f"none of {', '.join(BROWSERS)} is installed"
    target = await asyncio.to_thread(file.resolve)
    with TemporaryDirectory(prefix="unwonted-browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
            "--timeout=4000",
            f"--screenshot={target}",
            url,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(60):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
    written = await asyncio.to_thread(target.exists)
    return None if written and not process.returncode else "the browser wrote no picture"
