"""The job on PySpark itself: files, two cores, the driver and its JVM killed in the middle of a batch.

What is saved at the end is, row by row, what one engine saves that goes through the same messages.
"""

import json
import os
import shutil
import signal
import subprocess
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
FILES_A_BATCH = 24
WITHIN = 600.0
needs_spark = pytest.mark.skipif(
    not PYTHON.exists() or shutil.which("java") is None,
    reason="SPARK IS NOT TESTED: it needs Java 17 or newer on the PATH, and PySpark, which make test installs",
)
pytestmark = [pytest.mark.integration, pytest.mark.timeout(WITHIN), needs_spark]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of a simulated tenant, a file an hour; Spark takes files by when they were written."""
    folder = tmp_path_factory.mktemp("archive")
    hours: dict[str, list[bytes]] = {}
    for arrival in Tenant(TenantPlan(seed=3, identities=80, days=3)).records():
        hours.setdefault(f"{arrival.arrives_at:%Y-%m-%dT%H}", []).append(json.dumps(arrival.record).encode())
    for number, (hour, records) in enumerate(sorted(hours.items())):
        path = folder / f"{hour}.json"
        path.write_bytes(b"\n".join(records) + b"\n")
        os.utime(path, (1.7e9 + number, 1.7e9 + number))
    return folder


@pytest.fixture
def config(tmp_path: Path, archive: Path) -> Path:
    """A budget, something suppressed, something watched, and a verdict on what somebody did on the first day."""
    first = datetime.fromisoformat(min(archive.iterdir()).stem).replace(tzinfo=UTC)
    suppressions = tmp_path / "suppressions.yaml"
    suppressions.write_text(
        yaml.safe_dump(
            {
                "suppressions": [
                    {
                        "action": "Microsoft.Compute/*",
                        "from": first.isoformat(),
                        "until": (first + timedelta(days=3)).isoformat(),
                        "reason": "moving",
                        "owner": "ops",
                        "learn": True,
                    }
                ]
            }
        )
    )
    path = tmp_path / "contoso.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "snapshots": {"path": str(tmp_path / "snapshots")},
                "schedule": {"every": "1h"},
                "alerting": {"alerts_per_day": 20},
                "suppressions": {"file": str(suppressions)},
                "sinks": {"stdout": {"kind": "stdout", "format": "ndjson"}},
            }
        )
    )
    return path


class Spark:
    """The command line of a job, over and over on the same folders."""

    def __init__(self, tmp_path: Path, config: Path, archive: Path, shards: int) -> None:
        self.states = ShardStates(tmp_path / "states" / config.stem)
        self.words = ["-m", "service", "spark", "--config", config, "--shards", shards, "--once"]
        self.words += ["--states", tmp_path / "states", "--checkpoint", tmp_path / "checkpoint"]
        self.words += ["--input", archive, "--files", FILES_A_BATCH]

    def start(self, cores: int) -> subprocess.Popen[str]:
        submit = (
            f"--master local[{cores}] --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2 pyspark-shell"
        )
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYSPARK_SUBMIT_ARGS": submit,
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        return subprocess.Popen(
            [PYTHON, *map(str, self.words)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, cores: int) -> tuple[int, str, str]:
        with self.start(cores) as process:
            out, err = process.communicate(timeout=WITHIN)
            return process.returncode, out, err

    def kill_in_batch(self, number: int) -> None:
        """Start, and kill driver, JVM and workers as soon as a shard has saved its part of a batch."""
        clock, started = SystemClock(), SystemClock().elapsed()
        folder = self.states.folder / f"batch-{number:012d}"
        with self.start(2) as process:
            while not any(folder.glob("shard-*.gz")):
                assert process.poll() is None, process.communicate()[1]
                assert clock.elapsed() - started < WITHIN
            os.killpg(process.pid, signal.SIGKILL)


def plain(rows: Any) -> list[Any]:
    return list(json.loads(json.dumps(list(rows))))


def saved(spark: Spark, config: Path) -> list[Any]:
    newest = spark.states.newest()
    assert newest is not None
    single = build_engine(load(config, {}))
    single.load(merge_states(spark.states.read_driver(newest), spark.states.shards(newest)))
    return plain(single.dump())


def alone(config: Path, archive: Path, *verdicts: Verdict) -> tuple[list[Any], list[Alert]]:
    """Return what one engine saves, and the alerts that it tells."""
    settings = load(config, {})
    engine, calendar, parser, told = build_engine(settings), Calendar(), ActivityLogParser(), list[Alert]()
    watch = open_suppressions(settings, SystemClock())
    assert watch is not None
    engine.suppress(watch.suppressions)
    engine.accept(Verdicts(verdicts))
    engine.expect([FILES])
    files = sorted(archive.iterdir())
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
                told += engine.evaluate(moment.now).alerts
    return plain(engine.dump()), told


def judged(config: Path, archive: Path) -> Verdict:
    """Find the first alert in order, an hour after it was told, and say so in the journal of the job."""
    _, [alert, *_] = alone(config, archive)
    at = alert.found_at + timedelta(hours=1)
    found = verdict_on(
        alert,
        VerdictKind.BENIGN,
        by="eve@contoso.example",
        at=at,
        why="she has asked",
        takes_effect=takes_effect_from(at, timedelta(minutes=30), timedelta(hours=1)),
        for_kind=True,
    )
    journal = load(config, {}).snapshots.path / "verdicts.ndjson"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(line_of(found))
    return found


def alerts_in(out: str) -> list[str]:
    return [json.loads(line)["id"] for line in out.splitlines() if line.startswith("{")]


def test_killed_in_the_middle_of_a_batch_it_comes_to_what_one_engine_comes_to(
    tmp_path: Path, config: Path, archive: Path
) -> None:
    verdict = judged(config, archive)
    spark = Spark(tmp_path, config, archive, shards=3)
    spark.kill_in_batch(1)
    assert spark.states.newest() == 0
    code, _, err = spark.finish(cores=1)
    assert code == 0, err
    expected, told = alone(config, archive, verdict)
    assert saved(spark, config) == expected
    assert len(told) > 3
    assert {section for section, _ in expected} >= {"suppressed", "verdict", "alert"}


def test_one_shard_tells_what_one_engine_tells(tmp_path: Path, config: Path, archive: Path) -> None:
    spark = Spark(tmp_path, config, archive, shards=1)
    code, out, err = spark.finish(cores=2)
    assert code == 0, err
    expected, told = alone(config, archive)
    assert saved(spark, config) == expected
    assert sorted(alerts_in(out)) == sorted(f"{alert.id}.{alert.revision}" for alert in told)
