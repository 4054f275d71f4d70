"""Histories are opened in a browser from the command line: one that is there, or that of files that were replayed."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from service.cli.commands import main
from tests.fakes.alerts import alert
from tests.service.core.parsing.samples import dump, record
from tests.service.history.seen import save

ROOT = Path(__file__).parents[3]
RECORDS = [record(correlationId=f"{number:036}", time=f"2026-03-01T08:{number:02}:00Z") for number in range(60)]
OPEN = re.compile(rb"open (http://127\.0\.0\.1:\d+)(/enter\S+)")


def test_without_a_history_there_is_nothing_to_open(tmp_path: Path) -> None:
    missing = CliRunner().invoke(main, ["console", "--history", str(tmp_path / "none.sqlite")])
    assert (missing.exit_code, missing.stderr) == (2, f"{tmp_path / 'none.sqlite'}: there is no history there\n")
    blob = tmp_path / "unwonted.yaml"
    blob.write_text("snapshots: {kind: blob, account_url: 'https://a.blob.core.windows.net'}")
    unnamed = CliRunner().invoke(main, ["console", "--config", str(blob)])
    assert (unnamed.exit_code, unnamed.stderr) == (2, "there is no history: name one with --history\n")


async def opened(folder: Path, *arguments: str, page: str) -> tuple[str, int]:
    """Start a command, follow the address that it prints, look at a page, interrupt it; the page and the exit code."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", *arguments),
        cwd=ROOT,
        env={**os.environ, "UNWONTED_CONSOLE__PORT": "0", "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while not (found := OPEN.match(await process.stderr.readline())):
                assert not process.stderr.at_eof()
            address, path = found[1].decode(), found[2].decode()
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
                async with session.get(address + path) as answer:
                    assert answer.url.path == "/"
                async with session.get(address + page) as answer:
                    text = await answer.text()
            process.send_signal(signal.SIGINT)
            return text, await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.integration
async def test_a_replay_is_looked_at_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"".join(dump(one) + b"\n" for one in RECORDS))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    text, code = await opened(temporary, "replay", "--quiet", "--serve", str(tmp_path / "lines"), page="/identities")
    assert code == 0
    assert 'data-row href="/identity?id=' in text
    assert list(temporary.iterdir()) == []


@pytest.mark.integration
async def test_a_history_that_is_there_is_opened_as_of_its_end(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    save(path, [alert()])
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    # Where the service would let others in by way of a provider, whoever types this command is alone with it.
    shared = tmp_path / "unwonted.yaml"
    shared.write_text(
        "console: {host: 0.0.0.0, public_url: 'https://unwonted.example'}\n"
        "sign_in: {issuer: 'https://login.example', client_id: c, client_secret_file: /nowhere}"
    )
    arguments = ("console", "--config", str(shared), "--history", str(path))
    text, code = await opened(temporary, *arguments, page=f"/alerts/{alert().id}")
    assert code == 0
    assert "create or change role assignments" in text
    assert list(temporary.iterdir()) == []
