"""The job on PySpark itself: a month in files, two cores, workers, JVM and driver killed in the middle of batches.

What is saved at the end is, row by row, what one engine saves that goes through the same messages.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.tenant import Tenant, TenantPlan
from models.stream.windows import EPOCH
from service.clock import SystemClock
from service.core.alerting.alerts import Alert
from service.core.messages import Message
from service.core.parsing.parser import ActivityLogParser
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.follow_up import VerdictNotice
from service.core.verdicts.journal import line_of
from service.core.verdicts.verdict import Verdict, VerdictKind, takes_effect_from, verdict_on
from service.settings.reading import load
from service.shards.driver import End
from service.shards.migration import merge_states
from service.shards.routing import Head, route
from service.spark.calendar import Calendar, moments_of
from service.spark.sources import FILES, MOST_FILES
from service.storage.shard_states import ShardStates
from service.wiring import build_engine, open_suppressions

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "build" / "spark-venv" / "bin" / "python"
SHARDS, FILES_A_BATCH = 3, 24
WITHIN, LOOK_EVERY = 600.0, 0.1
HOUR = timedelta(hours=1)
LATE, TOO_LATE = 9 * HOUR, timedelta(days=9)
needs_spark = pytest.mark.skipif(
    not PYTHON.exists() or shutil.which("java") is None,
    reason="SPARK IS NOT TESTED: it needs Java 17 or newer on the PATH, and PySpark, which make test installs",
)
pytestmark = [pytest.mark.integration, pytest.mark.timeout(3 * WITHIN), needs_spark]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of a simulated tenant, a file for six hours, some records of which come late, and some too late.

    Spark takes files by when they were written.
    """
    folder = tmp_path_factory.mktemp("archive")
    files: dict[str, list[bytes]] = {}
    for number, one in enumerate(Tenant(TenantPlan(seed=3, identities=80, days=30)).records()):
        at = one.arrives_at + (TOO_LATE if number % 3001 == 0 else LATE if number % 500 == 0 else timedelta(0))
        files.setdefault(f"{at:%Y-%m-%dT}{at.hour // 6 * 6:02d}", []).append(json.dumps(one.record).encode())
    for number, (name, records) in enumerate(sorted(files.items())):
        path = folder / f"{name}.json"
        path.write_bytes(b"\n".join(records) + b"\n")
        os.utime(path, (1.7e9 + number, 1.7e9 + number))
    return folder


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, archive: Path) -> Path:
    """A budget, something suppressed, and a verdict on the first thing that is told."""
    folder = tmp_path_factory.mktemp("config")
    first = datetime.fromisoformat(min(archive.iterdir()).stem).replace(tzinfo=UTC)
    suppressed = {"action": "Microsoft.Compute/*", "reason": "moving", "owner": "ops", "learn": True}
    suppressed |= {"from": first.isoformat(), "until": (first + timedelta(days=20)).isoformat()}
    suppressions = folder / "suppressions.yaml"
    suppressions.write_text(yaml.safe_dump({"suppressions": [suppressed]}))
    path = folder / "contoso.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "snapshots": {"path": str(folder / "snapshots")},
                "schedule": {"every": "3h", "window": "6h"},
                "alerting": {"alerts_per_day": 5},
                "suppressions": {"file": str(suppressions)},
                "sinks": {"stdout": {"kind": "stdout", "format": "ndjson"}},
            }
        )
    )
    return path


@pytest.fixture(scope="module")
def verdict(config: Path, archive: Path) -> Verdict:
    """Find the first alert in order, an hour after it was told, and say so in the journal of the job."""
    _, [alert, *_] = alone(config, archive, most_files=40)
    assert isinstance(alert, Alert)
    at = alert.found_at + HOUR
    found = verdict_on(
        alert,
        VerdictKind.BENIGN,
        by="eve@contoso.example",
        at=at,
        why="she has asked",
        takes_effect=takes_effect_from(at, timedelta(minutes=30), HOUR),
        for_kind=True,
    )
    journal = load(config, {}).snapshots.path / "verdicts.ndjson"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(line_of(found))
    return found


class Spark:
    """The command line of a job, over and over on the same folders."""

    def __init__(self, tmp_path: Path, config: Path, archive: Path, shards: int) -> None:
        self.states = ShardStates(tmp_path / "states" / config.stem)
        self.words = ["-m", "service", "spark", "--config", config, "--shards", shards, "--once"]
        self.words += ["--states", tmp_path / "states", "--checkpoint", tmp_path / "checkpoint"]
        self.words += ["--input", archive, "--files", FILES_A_BATCH]
        self.told, self.log = tmp_path / "told", tmp_path / "log"

    def start(self, cores: int) -> subprocess.Popen[bytes]:
        # Java's quick compiler alone: the thorough one takes longer than all that it would speed up here.
        submit = (
            f"--master local[{cores},4] --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false"
            " --driver-java-options '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' pyspark-shell"
        )
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYSPARK_SUBMIT_ARGS": submit,
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        with self.told.open("ab") as out, self.log.open("ab") as err:
            return subprocess.Popen(
                [PYTHON, *map(str, self.words)],
                cwd=ROOT,
                env=environment,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def reach(self, process: subprocess.Popen[bytes], batch: int) -> None:
        """Wait until a shard has saved its part of a batch."""
        clock, started = SystemClock(), SystemClock().elapsed()
        folder = self.states.folder / f"batch-{batch:012d}"
        while not any(folder.glob("shard-*.gz")):
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_EVERY)
                pytest.fail(self.log.read_text())
            assert clock.elapsed() - started < WITHIN

    def ids(self) -> set[str]:
        """Return the ids of what was told."""
        lines = self.told.read_text().splitlines()
        return {json.loads(line)["id"] for line in lines if line.startswith("{")}


def kill(process: subprocess.Popen[bytes], what: str) -> None:
    """Kill those processes of a job whose command line has that in it; its session is theirs, not always its group."""
    killed = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if what in (entry / "cmdline").read_text() and os.getsid(int(entry.name)) == process.pid:
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
    assert killed, what


def plain(rows: Any) -> list[Any]:
    return list(json.loads(json.dumps(list(rows))))


def saved(spark: Spark, config: Path) -> list[Any]:
    newest = spark.states.newest()
    assert newest is not None
    single = build_engine(load(config, {}))
    single.load(merge_states(spark.states.read_driver(newest), spark.states.shards(newest)))
    return plain(single.dump())


def alone(
    config: Path, archive: Path, *verdicts: Verdict, most_files: int = MOST_FILES
) -> tuple[list[Any], list[Alert | VerdictNotice]]:
    """Return what one engine saves, and what it tells, alerts and what became of verdicts, of so many files at most."""
    settings = load(config, {})
    engine, calendar, parser, told = (
        build_engine(settings),
        Calendar(),
        ActivityLogParser(),
        list[Alert | VerdictNotice](),
    )
    watch = open_suppressions(settings, SystemClock())
    assert watch is not None
    engine.suppress(watch.suppressions)
    engine.accept(Verdicts(verdicts))
    engine.expect([FILES])
    files = sorted(archive.iterdir())[:most_files]
    for batch, at in enumerate(range(0, len(files), FILES_A_BATCH)):
        heads, events = [], {}
        for place, path in enumerate(files[at : at + FILES_A_BATCH]):
            number, parsed = batch * MOST_FILES + place, parser.parse(path.read_bytes()).events
            enqueued = max((event.time for event in parsed), default=EPOCH)
            heads.append(
                route(Message(FILES, number, str(number), enqueued, b""), parsed, engine.options.horizon, 1).head
            )
            events[number] = parsed
        positions = {name: position.sequence_number for name, position in engine.positions.items()}
        moments, calendar = moments_of(
            heads, calendar, settings.schedule.every, positions=positions, heartbeat=None, caught_up=True
        )
        for moment in moments:
            if isinstance(moment, Head):
                engine.apply(moment.message, events[moment.message.sequence_number])
            elif isinstance(moment, End):
                engine.idle(*moment)
            else:
                evaluation = engine.evaluate(moment.now)
                told += [*evaluation.alerts, *evaluation.answered]
    return plain(engine.dump()), told


@pytest.mark.parametrize(
    ("shards", "deaths"),
    [
        pytest.param(SHARDS, ("pyspark.daemon", "java", ""), id="three shards, and everything dies once"),
        pytest.param(1, (), id="one shard"),
    ],
)
def test_a_month_comes_to_what_one_engine_comes_to(
    tmp_path: Path, config: Path, archive: Path, verdict: Verdict, shards: int, deaths: Sequence[str]
) -> None:
    """Workers die in batch 0, the JVM in batch 1, all together in batch 2; then a single core goes on."""
    spark = Spark(tmp_path, config, archive, shards)
    process = spark.start(cores=2)
    for batch, what in enumerate(deaths):
        spark.reach(process, batch)
        kill(process, what)
        if what != "pyspark.daemon":  # with new workers the job goes on by itself
            assert process.wait(WITHIN) != 0
            process = spark.start(cores=2 if what else 1)
    assert process.wait(WITHIN) == 0, spark.log.read_text()
    expected, told = alone(config, archive, verdict)
    assert saved(spark, config) == expected
    assert spark.ids() == {f"{one.id}.{one.revision}" for one in told}
    assert len(told) > 20
    assert {section for section, _ in expected} >= {"suppressed", "verdict", "alert"}
    assert any(isinstance(one, VerdictNotice) for one in told)
