"""`unwonted learn` fetches, teaches, saves and says what it learnt, or why not; killed at any moment it goes on."""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from benchmarks.learning.comparison import brought_to_an_end
from demo.activity_log_api import ActivityLogServer, LogAnalyticsServer, StaticCredential
from demo.activity_log_api.stand_in import StandIn
from demo.tenant import Tenant, TenantPlan
from models.stream.windows import Bucket
from service.cli.commands import main
from service.clock import SystemClock
from service.core.snapshot.codec import decode
from service.core.verdicts.journal import line_of
from service.core.verdicts.verdict import VerdictKind
from service.learning import Spool
from service.learning.spool import SUFFIX
from service.storage.snapshots import CURRENT
from service.wiring import LOOPBACK_TOKEN
from tests.fakes.verdicts import HOUR, judged, verdict
from tests.service.documents.shapes import row
from tests.service.learning.lessons import OPEN_AS_SHOWN, RECORDS, replayed

pytestmark = [pytest.mark.slow, pytest.mark.measured]

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


def saved(folder: Path) -> list[tuple[str, Any]]:
    return decode((folder / "state" / CURRENT).read_bytes())


def state(folder: Path) -> dict[str, list[Any]]:
    """What was saved, by section, but for what depends on when that was."""
    sections: dict[str, list[Any]] = {}
    for section, one in saved(folder):
        sections.setdefault(section, []).append(one)
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
    assert "there is a state already; --replace learns it again" in refused.stderr
    assert learn(tmp_path, "--replace", history).exit_code == 0
    assert state(tmp_path) == first


def test_verdicts_that_were_given_are_applied_where_they_were_to_count(tmp_path: Path) -> None:
    start = Bucket.of(datetime.fromisoformat(RECORDS[len(RECORDS) // 2]["time"]), HOUR).start
    cell = judged("microsoft.peering/peerings/write", start=start)
    given = verdict(VerdictKind.BENIGN, cell, start=start, end=start + HOUR, at=start + HOUR, takes_effect=start)
    later = given.model_copy(update={"alert": "a2", "takes_effect": NOW + timedelta(days=1)})
    history, journal = lines(tmp_path), tmp_path / "state" / "verdicts.ndjson"
    journal.parent.mkdir()
    journal.write_bytes(line_of(given) + line_of(later))
    assert learn(tmp_path, history).exit_code == 0
    sections = state(tmp_path)
    assert sections["verdict"] == [{"id": given.id, "takes_effect": start.isoformat()}]
    known = [row for row in sections["identities rare_action"] if "peerings/write" in json.dumps(row)]
    assert [row["row"]["id"] for row in known if row["part"] == "habits"] == [cell.actor_id]


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
        (["--workspace", "contoso-logs"], "--workspaces: should be ids as a workspace's overview shows them"),
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


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """The last days of a tenant with four subscriptions."""
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    plan = TenantPlan(seed=5, identities=20, days=3, campaigns=0, start=midnight - timedelta(days=3))
    return [arrival.record for arrival in Tenant(plan).records()]


@pytest.fixture
async def server(records: list[dict[str, Any]]) -> AsyncIterator[ActivityLogServer]:
    clock = SystemClock()
    async with ActivityLogServer(records, clock, OpenDoor(clock), page=20) as running:
        yield running


@pytest.fixture
async def workspaces(records: list[dict[str, Any]]) -> AsyncIterator[LogAnalyticsServer]:
    rows = list(map(row, records))
    tables = {f"9a9a9a9a-0000-4000-8000-00000000a1a{n}": rows[n::3] for n in range(3)}
    async with LogAnalyticsServer(tables, OpenDoor(SystemClock()), most_rows=20) as running:
        yield running


async def start(folder: Path, server: StandIn, *arguments: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "service", "learn", "--config", str(configured(folder)))
    return await asyncio.create_subprocess_exec(
        *command,
        *("--endpoint", server.address, *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def kill_and_resume(folder: Path, server: StandIn, *arguments: str) -> list[int]:
    """Kill the command after ever more requests, then let it end; returns how much had been fetched at each kill."""
    clock, rng = SystemClock(), random.Random(7)
    requests = asyncio.Queue[None]()

    async def slow() -> None:
        requests.put_nowait(None)
        await clock.sleep(0.02)

    server.on_request = slow
    fetched, said = [], b""
    for until in (1, rng.randrange(5, 15), rng.randrange(15, 30), rng.randrange(30, 60), 10_000):
        while not requests.empty():
            requests.get_nowait()
        process = await start(folder, server, *arguments)
        output = asyncio.ensure_future(process.communicate())
        for _ in range(until):
            request = asyncio.ensure_future(requests.get())
            await asyncio.wait([request, output], return_when=asyncio.FIRST_COMPLETED)
            if not request.done():
                request.cancel()
                break
        else:
            await clock.sleep(rng.uniform(0.0, 0.3))
            process.kill()
        said, _ = await asyncio.wait_for(output, 120)
        fetched.append(len(list((folder / "spool").glob("*.gz"))))
        if process.returncode == 0:
            return fetched
    raise AssertionError(said)


@pytest.mark.integration
async def test_killed_at_any_moment_it_goes_on_and_knows_in_the_end_what_a_replay_would(
    tmp_path: Path, server: ActivityLogServer, records: list[dict[str, Any]]
) -> None:
    fetched = await kill_and_resume(tmp_path, server)
    assert fetched[:-1] == sorted(fetched[:-1])
    assert fetched[-2] > 0
    assert brought_to_an_end(saved(tmp_path)) == replayed(records)


@pytest.mark.integration
async def test_killed_while_it_queries_workspaces_it_goes_on_as_well(
    tmp_path: Path, workspaces: LogAnalyticsServer, records: list[dict[str, Any]]
) -> None:
    named = [part for one in workspaces.workspaces for part in ("--workspace", one)]
    fetched = await kill_and_resume(tmp_path, workspaces, *named)
    assert fetched[:-1] == sorted(fetched[:-1])
    assert fetched[-2] > 0
    assert brought_to_an_end(saved(tmp_path)) == replayed(list(map(row, records)))


@pytest.mark.integration
async def test_workspaces_without_the_library_that_asks_them_are_told_how_to_get_it(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['azure.monitor'] = None; from service.cli import main; main()"
    workspace = "9a9a9a9a-0000-4000-8000-00000000a1a1"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", blocked, "learn", "--config", str(configured(tmp_path)), "--workspace", workspace),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 2
    assert said.decode().splitlines() == [
        "learn.workspaces: needs azure-monitor-query: pip install 'unwonted[loganalytics]'"
    ]


@pytest.mark.integration
async def test_a_closed_subscription_and_throttling_are_told_once(tmp_path: Path, server: ActivityLogServer) -> None:
    closed = server.subscriptions[0]
    server.forbidden.add(closed)
    server.refuse(429, times=3, Retry_After="0.1")
    process = await start(tmp_path, server)
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    said = output.decode()
    assert process.returncode == 0, said
    assert f"cannot be read, and is left out: {closed} (403 AuthorizationFailed)" in said
    assert said.count("Azure throttles (429)") == 1
    assert "origins         4, 1 of them could not be read" in said
    assert list((tmp_path / "spool").glob("*.gz")) == []


@pytest.mark.integration
async def test_what_breaks_off_on_the_way_is_kept_and_the_next_run_fetches_the_rest(
    tmp_path: Path, server: ActivityLogServer, records: list[dict[str, Any]]
) -> None:
    lost = server.subscriptions[1]
    requests = count()

    async def close_one() -> None:
        if next(requests) == 8:
            server.forbidden.add(lost)

    server.on_request = close_one
    process = await start(tmp_path, server)
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    said = output.decode()
    assert process.returncode == 0, said
    assert f"cannot be read, and is left out: {lost} (403 AuthorizationFailed)" in said
    assert f"broken off: {lost}: what was fetched is kept" in said

    server.forbidden.clear()
    before = len(server.requests)
    process = await start(tmp_path, server, "--replace")
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, output.decode()
    asked = {path.split("/")[2] for path in server.requests[before:] if path.startswith("/subscriptions/")}
    assert asked == {lost}
    assert list((tmp_path / "spool").glob("*.gz")) == []
    assert brought_to_an_end(saved(tmp_path)) == replayed(records)
