"""`python -m demo` as people run it, on a smaller tenant and with less patience."""

import asyncio
import os
import re
import shlex
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from demo.launch import free_port
from demo.options import read_options
from tests.demo.output import read_until

ROOT = Path(__file__).parents[2]
SMALL = ("--identities", "40", "--history", "14", "--live", "1", "--tick", "0.1")
TINY = ("--identities", "20", "--history", "2", "--live", "1", "--tick", "0.03", "--attacks", "0")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the demo leaves what it leaves; its name is short, or lines would be long."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name) / "demo"


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe, more = asyncio.subprocess.PIPE, ("--folder", str(folder), "--console-port", str(free_port(0)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "demo", *more, *arguments, cwd=ROOT, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.integration
async def test_a_small_demo_finds_attacks_shows_its_pages_and_ends_well(folder: Path) -> None:
    page, metrics = free_port(0), free_port(0)
    ports = ("--page-port", str(page), "--metrics-port", str(metrics))
    async with demo(folder, *SMALL, *ports, "--attacks", "3", "--keep") as process:
        text = await read_until(process, "Ctrl-C ends it all.")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{page}/") as answer:
                assert "Microsoft Teams" in await answer.text()
            async with session.get(f"http://127.0.0.1:{metrics}/metrics") as answer:
                assert "unwonted_alerts_total" in await answer.text()
        entrance = re.findall(r"^  console   (http://\S+/enter\?token=\S+)$", text, re.MULTILINE)[-1]
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session, session.get(entrance) as answer:
            assert re.search(r'href="/(alerts|incidents)/\w{16}"', await answer.text())
        process.send_signal(signal.SIGINT)
        rest, _ = await process.communicate()
    text += rest.decode()
    assert process.returncode == 0, text
    for line in (
        "found          2 of 3 attacks",
        "false alerts   ",
        "rare_action: an alert came as Teams card, as Slack message and as signed webhook",
        "rare_failure: an alert came as Teams card, as Slack message and as signed webhook",
        "partition 0 was withheld: a notice said that the service is blind there",
        "every metric is there",
        "the service ended in order when told to (exit code 0)",
    ):
        assert line in text, text
    assert re.search(r" not found   \w+ \d+ of \d+$", text, re.MULTILINE), text
    assert "time is compressed: " in text
    assert "FAILED" not in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100
    tried = re.findall(r"^ +(\S*unwonted) (.*)$", text, re.MULTILINE)
    assert [shlex.split(line)[0] for _, line in tried] == [
        "incidents",
        "timeline",
        "incidents",
        "timeline",
        "console",
    ]
    assert re.search(r"^ +http://127\.0\.0\.1:\d+/alerts/\w{16}$", text, re.MULTILINE), text
    for program, line in tried[:2]:
        command = await asyncio.create_subprocess_exec(
            program,
            *shlex.split(line),
            cwd=ROOT,
            env={**os.environ, "UNWONTED_CONFIG": str(folder / "unwonted.yaml")},
            stdout=asyncio.subprocess.PIPE,
        )
        found, _ = await command.communicate()
        assert command.returncode == 0, line
        assert b"nothing" not in found, line


@pytest.mark.integration
async def test_a_demo_in_which_nothing_is_found_says_so_and_fails(folder: Path) -> None:
    async with demo(folder, *TINY, "--no-keep") as process:
        output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 1, text
    assert "found          0 of 0 attacks" in text
    assert "FAILED  most of the attacks were found" in text
    assert "ok      every metric is there" in text


@pytest.mark.integration
async def test_a_demo_that_is_interrupted_takes_the_service_with_it(folder: Path) -> None:
    port = free_port(0)
    async with demo(folder, *TINY, "--tick", "5", "--metrics-port", str(port)) as process:
        await read_until(process, "Live: ")
        process.send_signal(signal.SIGINT)
        output, _ = await process.communicate()
        assert process.returncode == 130
        assert output.decode().endswith("interrupted\n")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize("wrong", [["--tick", "0"], ["--live", "0"], ["--identities", "3"], ["--attacks", "-1"]])
def test_a_tenant_that_cannot_be_is_refused_on_the_command_line(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options(wrong)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_no_attack_is_planted_in_what_is_learnt_from() -> None:
    options = read_options(["--history", "9", "--live", "2", "--attacks", "5"])
    assert (options.plan.days, options.plan.first_campaign_day, options.plan.last_campaign_day) == (11, 9, 10)
