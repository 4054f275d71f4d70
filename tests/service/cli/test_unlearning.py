"""``unwonted state generations``, ``revert``, ``forget``: what is unlearnt, what stays, and what cannot be."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from models.stream.events import ActivityEvent
from service.core.engine.values import ClosedBucket
from service.core.messages import Message
from service.core.outbox import Outbox
from service.core.snapshot.codec import decode
from service.core.verdicts.journal import line_of
from service.core.verdicts.verdict import VerdictKind
from service.settings.reading import load
from service.storage.generations import FileGenerations
from service.storage.snapshots import CURRENT, FileSnapshotStore
from service.storage.state import State
from service.verdicts.stores import FileVerdictStore
from service.wiring import build_engine
from tests.fakes.clock import FakeClock
from tests.fakes.verdicts import judged, verdict
from tests.service.cli.test_commands import unwonted
from tests.service.core.engine.test_engine import ANN, BOB, event
from tests.service.history.seen import save

pytestmark = [pytest.mark.slow, pytest.mark.measured]

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
START = datetime(2026, 3, 2, tzinfo=UTC)
BEGINS, UNTIL = START + 2 * DAY + 9 * HOUR, START + 2 * DAY + 15 * HOUR
LEARNT = ("population ", "identities ", "verdict")


def office(day: int) -> list[ActivityEvent]:
    """Return a day of two people; on the third, Ann does what she never did."""
    found = []
    for hour in range(8, 18):
        at = START + day * DAY + hour * HOUR
        odd = day == 2 and BEGINS <= at < UNTIL
        found.append(event(at + MINUTE, f"evil/{hour}/write" if odd else f"web/{hour % 3}/write", actor=ANN))
        found.append(event(at + 2 * MINUTE, f"sql/{hour % 4}/write", actor=BOB))
    return found


def seen_by_ann(one: ActivityEvent) -> bool:
    return one.actor == ANN and BEGINS <= one.time < UNTIL


class Past:
    """A folder in which a service has run for five days, with a snapshot kept of each and a history."""

    def __init__(self, folder: Path, *, without_ann: bool = False, last: int = 5) -> None:
        self.folder = folder
        self.config = folder / "unwonted.yaml"
        folder.mkdir(exist_ok=True)
        self.config.write_text(yaml.safe_dump({"snapshots": {"path": str(folder)}}))
        self.closed: list[ClosedBucket] = []
        asyncio.run(self._live(range(last), without_ann=without_ann))
        save(folder / "history.sqlite", self.closed)

    async def _live(self, days: Sequence[int], *, without_ann: bool) -> None:
        engine = build_engine(load(self.config, {}))
        engine.keeps_closed = True
        engine.begin(START)
        daily = FileGenerations(self.folder, 9)
        clock = FakeClock(START)
        state = State(engine, Outbox(), FileSnapshotStore(self.folder), clock, lambda _: None, daily=daily)
        await state.restore()
        for day in days:
            events = [one for one in office(day) if not (without_ann and seen_by_ann(one))]
            for number, one in enumerate(events):
                engine.apply(Message("0", 100 * day + number, "", one.time, b""), [one])
            self.closed += engine.take_closed()
            await clock.advance((START + (day + 1) * DAY - clock.now()).total_seconds())
            await state.save()

    def run(self, *words: str, **more: Any) -> Result:
        return unwonted("state", *words, "--config", str(self.config), **more)

    def forget(self, *words: str, begins: datetime = BEGINS, until: datetime = UNTIL, actor: str = ANN.name) -> Result:
        span = ("--from", begins.isoformat(), "--to", until.isoformat())
        return self.run("forget", "--actor", actor, *span, "--yes", *words)

    def rows(self) -> list[tuple[str, Any]]:
        return decode((self.folder / CURRENT).read_bytes())

    def learnt(self) -> list[str]:
        return sorted(
            json.dumps([section, row], sort_keys=True) for section, row in self.rows() if section.startswith(LEARNT)
        )

    def rest(self) -> list[str]:
        left_out = (*LEARNT, "coverage", "forgotten")
        return [json.dumps([section, row]) for section, row in self.rows() if not section.startswith(left_out)]


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path / "with")


def test_what_is_kept_is_listed_newest_first_with_what_it_had_learnt(past: Past) -> None:
    lines = past.run("generations").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        f"snapshot.daily-2026-03-0{day}.ndjson.gz" for day in (7, 6, 5, 4, 3)
    ]
    assert "learnt until 2026-03-06T16:00:00Z, 100 records, " in lines[0]
    [first, *_] = past.run("generations", "--json").stdout.splitlines()
    assert json.loads(first)["records"] == 100


def test_of_a_snapshot_from_before_the_first_record_it_is_said_that_nothing_was_learnt(tmp_path: Path) -> None:
    config = tmp_path / "unwonted.yaml"
    config.write_text(yaml.safe_dump({"snapshots": {"path": str(tmp_path)}}))

    async def live() -> None:
        engine, clock = build_engine(load(config, {})), FakeClock(START)
        engine.begin(START)
        daily = FileGenerations(tmp_path, 9)
        state = State(engine, Outbox(), FileSnapshotStore(tmp_path), clock, lambda _: None, daily=daily)
        await state.restore()
        await clock.advance(DAY.total_seconds())
        await state.save()

    asyncio.run(live())
    [line] = unwonted("state", "generations", "--config", str(config)).stdout.splitlines()
    assert "nothing learnt yet, 0 records, " in line


def test_where_none_is_kept_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "unwonted.yaml").write_text(yaml.safe_dump({"snapshots": {"path": str(tmp_path / "none")}}))
    result = unwonted("state", "generations", "--config", str(tmp_path / "unwonted.yaml"))
    assert "none is kept yet (snapshots.keep_daily is 7)" in result.stdout


def test_what_an_identity_did_is_forgotten_as_if_nobody_had_ever_seen_it(past: Past, tmp_path: Path) -> None:
    never, before, rest = Past(tmp_path / "without", without_ann=True), past.learnt(), past.rest()
    result = past.forget()
    assert result.exit_code == 0, result.output
    assert "forgot 6 hours; from snapshot.daily-2026-03-04.ndjson.gz on, " in result.stdout
    assert past.learnt() == never.learnt() != before
    assert past.rest() == rest


def test_what_was_forgotten_stays_forgotten_when_more_is(past: Past, tmp_path: Path) -> None:
    never = Past(tmp_path / "without", without_ann=True)
    assert past.forget(until=BEGINS + 2 * HOUR).exit_code == 0
    between = past.forget(begins=BEGINS + 2 * HOUR)
    assert "from snapshot.daily-2026-03-04.ndjson.gz on" in between.stdout
    assert past.learnt() == never.learnt()


def test_verdicts_are_applied_at_their_place_again(past: Past, tmp_path: Path) -> None:
    never = Past(tmp_path / "without", without_ann=True)
    late = START + 3 * DAY
    given = verdict(VerdictKind.BENIGN, judged("sql/9/write", BOB, late), start=late, end=late + HOUR, at=late + HOUR)
    asyncio.run(FileVerdictStore(past.folder / "verdicts.ndjson").append("", line_of(given)))
    assert past.forget().exit_code == 0
    assert any(given.id in line for line in past.learnt())
    assert len(past.learnt()) >= len(never.learnt()) + 1


def test_what_going_back_unlearned_is_not_learnt_again_when_something_is_forgotten(past: Past, tmp_path: Path) -> None:
    older, day = Past(tmp_path / "older", last=2), START + DAY
    assert past.run("revert", "2026-03-04", "--yes").exit_code == 0
    for one in (past, older):
        result = one.forget(actor=BOB.name, begins=day + 9 * HOUR, until=day + 12 * HOUR)
        assert result.exit_code == 0, result.output
    assert past.learnt() == older.learnt()


def test_going_back_to_what_was_forgotten_since_says_no_longer_that_it_is(past: Past) -> None:
    assert past.forget().exit_code == 0
    assert past.run("revert", "2026-03-06", "--yes").exit_code == 0
    [forgotten] = [row for section, row in past.rows() if section == "forgotten"]
    assert (forgotten["actor"], forgotten["until"]) == ("", (START + 4 * DAY + 16 * HOUR).isoformat())


def test_going_back_unlearns_and_reads_nothing_again(past: Past, tmp_path: Path) -> None:
    rest, older = past.rest(), Past(tmp_path / "older", last=2)
    assert past.run("revert", "2026-03-04", input="n\n").exit_code == 1
    assert past.learnt() != older.learnt()
    result = past.run("revert", "2026-03-04", input="y\n")
    assert result.exit_code == 0, result.output
    assert past.learnt() == older.learnt()
    assert past.rest() == rest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["revert", "2026-02-01", "--yes"], "no snapshot 2026-02-01 is kept; there are: snapshot.daily-2026-03-07"),
        (["revert", "2026-03", "--yes"], "no snapshot 2026-03 is kept"),
    ],
)
def test_what_is_not_kept_cannot_be_gone_back_to(past: Past, words: list[str], said: str) -> None:
    result = past.run(*words)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_cannot_be_forgotten_is_one_line_and_changes_nothing(past: Past) -> None:
    before = past.rows()
    for result, said in (
        (past.forget(actor="nobody"), "nobody called nobody is remembered"),
        (past.forget(until=BEGINS), "--to: should be later than --from"),
        (past.forget(until=START + 9 * DAY), "only what has been learnt can be forgotten, until 2026-03-06T16:00:00Z"),
        (past.forget(begins=START), "no snapshot is kept of before 2026-03-02T00:00:00Z: the oldest had learnt until"),
        (past.forget("--history", str(past.folder / "none.sqlite")), "none.sqlite: "),
        (past.run("forget", "--actor", "x", "--from", "noon", "--to", "night", "--yes"), "--from: should be a time"),
    ):
        assert result.exit_code == 2, result.output
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert past.rows() == before


def test_a_history_that_begins_too_late_is_refused(past: Past) -> None:
    (past.folder / "history.sqlite").unlink()
    save(past.folder / "history.sqlite", past.closed[-3:])
    result = past.forget()
    assert result.exit_code == 2
    assert "the history begins at 2026-03-06T13:00:00Z, after 2026-03-03T16:00:00Z" in result.stderr


def test_a_kept_snapshot_that_is_damaged_is_passed_over(past: Past) -> None:
    (past.folder / "snapshot.daily-2026-03-04.ndjson.gz").write_bytes(b"ann@contoso.example")
    result = past.forget()
    assert result.exit_code == 0
    assert "snapshot.daily-2026-03-04.ndjson.gz: damaged or cut off" in result.stderr
    assert "from snapshot.daily-2026-03-03.ndjson.gz on" in result.stdout
    assert "ann@" not in result.stderr
