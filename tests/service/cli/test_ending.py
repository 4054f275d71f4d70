"""The process ends when it is asked to, whatever in it does not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
GRACE = 1.0

# A process that ends by an `Ending`, with something in it; says so when it is there.
PROCESS = """
import asyncio, sys
from pathlib import Path
from service.cli.ending import Ending

async def obedient(stop):
    await stop.wait()

async def stuck_loop(stop):
    Path(sys.argv[2]).read_bytes()

async def stubborn_task(stop):
    async def go_on():
        while True:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                pass
    task = asyncio.create_task(go_on(), name="go on")
    await stop.wait()

async def failing(stop):
    await asyncio.gather(stubborn_task(asyncio.Event()), broken())

async def broken():
    raise ValueError

async def main():
    stop = asyncio.Event()
    with ending.on_signals(stop):
        print("there", flush=True)
        await globals()[sys.argv[1]](stop)

ending = Ending({grace}, 7)
asyncio.run(main())
ending.over()
"""


def process(what: str, folder: Path) -> "subprocess.Popen[str]":
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS.replace("{grace}", str(GRACE)), what, str(pipe)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(running: "subprocess.Popen[str]", number: signal.Signals | None) -> tuple[int, str]:
    """Send the signal, if any, once it is there; returns exit code and output."""
    with running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == "there\n"
            if number is not None:
                running.send_signal(number)
            said, _ = running.communicate(timeout=120)
        finally:
            running.kill()
    return running.returncode, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_ends_by_itself_is_not_forced(number: signal.Signals, tmp_path: Path) -> None:
    assert ended(process("obedient", tmp_path), number) == (0, "")


@pytest.mark.parametrize("what", ["stuck_loop", "stubborn_task"])
def test_what_does_not_end_is_forced_to_and_says_so(what: str, tmp_path: Path) -> None:
    code, said = ended(process(what, tmp_path), signal.SIGTERM)
    assert code == 7
    assert "end_forced" in said
    assert ("go on" in said) == (what == "stubborn_task")


def test_an_end_on_an_error_is_forced_as_well(tmp_path: Path) -> None:
    code, said = ended(process("failing", tmp_path), None)
    assert code == 7
    assert "end_forced" in said
