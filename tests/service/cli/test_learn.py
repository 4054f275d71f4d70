"""`unwonted learn` fetches, teaches, saves and says what it learnt, or why not; killed at any moment it goes on."""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from demo.activity_log_api import ActivityLogServer, StaticCredential
from demo.tenant import Tenant, TenantPlan
from service.cli.commands import main
from service.clock import SystemClock
from service.core.snapshot.codec import decode
from service.learning import Spool
from service.learning.spool import SUFFIX
from service.storage.snapshots import CURRENT
from service.wiring import LOOPBACK_TOKEN
from tests.service.learning.lessons import OPEN_AS_SHOWN, RECORDS

ROOT = Path(__file__).parents[3]
NOW = SystemClock().now()


class OpenDoor(StaticCredential):
    """Lets in whoever brings the word that the service says to servers on this machine."""

    def accepts(self, token: str) -> bool:
        return token == LOOPBACK_TOKEN


def learn(folder: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["learn", "--config", str(configured(folder)), *map(str, arguments)])


def configured(folder: Path, **sections: Any) -> Path:
    path = folder / "unwonted.yaml"
    places = {"snapshots": {"path": str(folder / "state")}, "learn": {"spool": str(folder / "spool"), "days": 4}}
    path.write_text(yaml.safe_dump({**places, **sections}))
    return path


def state(folder: Path) -> dict[str, list[Any]]:
    """What was saved, by section, but for what depends on when that was."""
    sections: dict[str, list[Any]] = {}
    for section, row in decode((folder / "state" / CURRENT).read_bytes()):
        sections.setdefault(section, []).append(row)
    for name in ("engine", OPEN_AS_SHOWN, "coverage"):
        sections.pop(name, None)
    return sections


def lines(folder: Path) -> Path:
    path = folder / "history.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in RECORDS))
    return path


def test_files_are_learnt_and_what_that_came_to_is_said(tmp_path: Path) -> None:
    result = learn(tmp_path, lines(tmp_path))
    assert result.exit_code == 0, result.output
    said = result.stdout
    for words in (f"records         {len(RECORDS):,} over ", "kinds", "human", "% warm", "would have alerted"):
        assert words in said
    assert "position" not in state(tmp_path)
    assert not (tmp_path / "spool").exists()


def test_a_state_that_exists_is_kept_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    history = lines(tmp_path)
    assert learn(tmp_path, history).exit_code == 0
    first = state(tmp_path)
    refused = learn(tmp_path, history)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
    assert "there is a state already; --replace learns it anew" in refused.stderr
    assert learn(tmp_path, "--replace", history).exit_code == 0
    assert state(tmp_path) == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--endpoint", "http://management.example"], "--endpoint: should be https://HOST"),
        (["--give-up-after", "soon"], "--give-up-after: should be a duration with its unit such as"),
        (["--give-up-after", "2"], "--give-up-after: should be a duration with its unit such as"),
        (["--no-api"], "there is nothing to learn from"),
        (["--archive", "contosologs"], "--archive: should be https://ACCOUNT"),
        (["no-such-file"], "no-such-file: No such file"),
        (["--days", "91"], "91 is not in the range"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = learn(tmp_path, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_nothing_understood_and_too_much_rejected_save_nothing(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b'{"level":"info","message":"nothing of the kind, but JSON"}\n' * 9)
    assert learn(tmp_path, other).exit_code == 3
    (tmp_path / "nothing").mkdir()
    assert learn(tmp_path, tmp_path / "nothing").exit_code == 3
    broken = json.dumps(RECORDS[1])[:-30].encode() + b"\n"
    other.write_bytes(lines(tmp_path).read_bytes() + broken * 200)
    assert learn(tmp_path, other).exit_code == 4
    assert not (tmp_path / "state").exists()
    assert learn(tmp_path, other, "--max-rejected", "50").exit_code == 0


def test_an_api_that_is_away_for_too_long_is_named_and_nothing_is_said_to_be_kept_that_is_not(tmp_path: Path) -> None:
    result = learn(tmp_path, "--endpoint", "http://127.0.0.1:9", "--give-up-after", "1ms")
    assert result.exit_code == 1
    assert result.stderr == (
        "cannot be finished: http://127.0.0.1:9: no answer within 1ms: ServiceRequestError; nothing was fetched\n"
    )
    (tmp_path / "spool" / f"a-day{SUFFIX}").write_bytes(b"")
    result = learn(tmp_path, "--endpoint", "http://127.0.0.1:9", "--give-up-after", "1ms")
    assert result.stderr.endswith(
        f"; what was fetched is kept in {tmp_path / 'spool'}, and the same command goes on from there\n"
    )


def test_files_alone_that_cannot_be_saved_say_nothing_of_what_was_fetched(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    result = learn(tmp_path, lines(tmp_path))
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("cannot be finished: ")
    assert "fetched" not in result.stderr


def test_a_spool_that_another_process_uses_is_said_to_be_in_use(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool"):
        result = learn(tmp_path, "--endpoint", "http://127.0.0.1:9")
    assert (result.exit_code, result.stderr) == (1, f"{tmp_path / 'spool'} is in use by another process\n")


def test_a_failing_sign_in_is_one_line_about_the_credential_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "azure-identity-token"
    for name, value in {"CLIENT_ID": "b0b", "TENANT_ID": f"{0:036}", "FEDERATED_TOKEN_FILE": str(token)}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    result = learn(tmp_path, "--subscription", "a", "--subscription", "b")
    assert result.exit_code == 2
    assert result.stderr == (
        "cannot sign in to https://management.azure.com: WorkloadIdentityCredential: [Errno 2] No such file or "
        f"directory: '{token}'. In AKS, check the workload identity; elsewhere, run az login\n"
    )
    assert capfd.readouterr().err == ""


@pytest.fixture
async def server() -> AsyncIterator[ActivityLogServer]:
    clock = SystemClock()
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    plan = TenantPlan(seed=5, identities=20, days=3, campaigns=0, start=midnight - timedelta(days=3))
    records = [arrival.record for arrival in Tenant(plan).records()]
    async with ActivityLogServer(records, clock, OpenDoor(clock), page=20) as running:
        yield running


async def start(folder: Path, server: ActivityLogServer) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "learn", "--config", str(configured(folder)), "--endpoint", server.address),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


@pytest.mark.integration
async def test_killed_at_any_moment_it_goes_on_and_learns_nothing_twice(
    tmp_path: Path, server: ActivityLogServer
) -> None:
    clock, rng = SystemClock(), random.Random(7)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    listing = server._list_events
    pages = asyncio.Queue[str]()

    async def slow(request: Any) -> Any:
        pages.put_nowait(request.path)
        await clock.sleep(0.02)
        return await listing(request)

    server._list_events = slow  # type: ignore[method-assign]
    await server.__aexit__()
    async with server:
        process = await start(whole, server)
        said, _ = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0, said
        needed = pages.qsize()
        fetched = []
        for pages_until in (1, rng.randrange(5, 15), rng.randrange(15, 30), needed):
            while not pages.empty():
                pages.get_nowait()
            process = await start(cut, server)
            for _ in range(pages_until):
                page = asyncio.ensure_future(pages.get())
                ended = asyncio.ensure_future(process.wait())
                await asyncio.wait([page, ended], return_when=asyncio.FIRST_COMPLETED)
                if not page.done():
                    page.cancel()
                    break
            await clock.sleep(rng.uniform(0.0, 0.3))
            if process.returncode is None:
                process.kill()
            await process.communicate()
            fetched.append(len(list((cut / "spool").glob("*.gz"))))
        assert fetched[:3] == sorted(fetched[:3])
        assert fetched[2] > 0
        process = await start(cut, server)
        said, _ = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0 or b"there is a state already" in said, said
    assert state(cut) == state(whole)


@pytest.mark.integration
async def test_a_closed_subscription_and_throttling_are_told_once(tmp_path: Path, server: ActivityLogServer) -> None:
    closed = server.subscriptions[0]
    server.forbidden.add(closed)
    server.refuse(429, times=3, Retry_After="0.1")
    process = await start(tmp_path, server)
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    said = output.decode()
    assert process.returncode == 0, said
    assert f"cannot be read, and is left out: {closed} (403 AuthorizationFailed)" in said
    assert said.count("Azure throttles (429)") == 1
    assert "origins         4, 1 of them could not be read" in said
    assert list((tmp_path / "spool").glob("*.gz")) == []
