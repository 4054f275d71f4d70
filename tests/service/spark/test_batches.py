"""Batches of a job, Spark's part played in this process: the same as one engine, whatever is lost or done again."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from models.stream.windows import EPOCH
from service.core.engine.engine import Engine
from service.core.engine.values import Evaluation
from service.core.messages import Message
from service.core.parsing.parser import ActivityLogParser
from service.monitoring.http import Health
from service.monitoring.metrics.recorder import Metrics
from service.settings.reading import load
from service.shards.driver import BatchResult, End
from service.shards.migration import merge_states, split_state
from service.shards.routing import Head, route
from service.shards.shard import OtherShard
from service.spark import worker
from service.spark.calendar import Calendar, moments_of
from service.spark.job import Job, JobOptions, JobStopped
from service.spark.sources import Heartbeat, MessageBody
from service.spark.tenant_driver import TenantDriver
from service.spark.tenants import Tenant
from service.storage.shard_states import BEFORE_THE_FIRST, ShardStates
from service.telemetry.telemetry import Telemetry
from service.wiring import build_engine
from tests.fakes.notices import verdict_notice
from tests.fakes.spark import LocalRdd, LocalSession, Loss

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PEOPLE = [f"p{number}@contoso.com" for number in range(9)]


def slow(*values: int) -> Any:
    """One that `make test` alone tries."""
    return pytest.param(*values, marks=[pytest.mark.slow, pytest.mark.measured])


def record(who: str, time: datetime, action: str, number: int) -> dict[str, Any]:
    return {
        "time": time.isoformat(),
        "operationName": action,
        "category": "Administrative",
        "resultType": "Success",
        "correlationId": f"{number:08d}-0000-0000-0000-000000000000",
        "resourceId": "/SUBSCRIPTIONS/1B5E/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.WEB/SITES/A",
        "callerIpAddress": "203.0.113.7",
        "identity": {
            "claims": {
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": who,
                "http://schemas.microsoft.com/identity/claims/objectidentifier": who.replace("@", "-"),
                "http://schemas.microsoft.com/identity/claims/tenantid": "t",
            }
        },
    }


def bodies(tenant: str = "contoso", hours: int = 40, people: int = 9) -> list[MessageBody]:
    """Two days of people on two partitions, one of whom does something odd now and then."""
    found, number = [], 0
    for hour in range(hours):
        for partition in ("0", "1"):
            records = []
            for place, who in enumerate(PEOPLE[:people]):
                if place % 2 == int(partition):
                    number += 1
                    time = START + hour * HOUR + place * 5 * MINUTE
                    records.append(record(who, time, "Microsoft.Web/sites/write", number))
                    if hour % 17 == place:
                        odd = "Microsoft.KeyVault/vaults/delete"
                        records.append(record(who, time + MINUTE, odd, number + 10_000))
            enqueued = START + hour * HOUR + 55 * MINUTE
            found.append(MessageBody(tenant, partition, hour, enqueued, json.dumps({"records": records}).encode()))
    return found


def cut(found: Sequence[MessageBody], length: int) -> list[list[MessageBody]]:
    return [list(found[at : at + length]) for at in range(0, len(found), length)]


class Source:
    """Batches as a stream would give them; what is a frame of Spark's elsewhere is a batch's number here."""

    def __init__(self, batches: Sequence[Sequence[MessageBody]], *, is_live: bool = False) -> None:
        self.batches = batches
        self.is_live = is_live
        self.lost: Iterator[Loss] = iter(())

    def rows(self, frame: int, tenants: Sequence[Tenant], tasks: int) -> Any:
        found = self.batches[frame]
        beats = [Heartbeat(max(one.enqueued_time or EPOCH for one in found))] if found else []
        rows = [*found, *beats]
        return LocalRdd([rows[place::tasks] for place in range(tasks)], self.lost)

    def has_all(self, messages: int) -> bool:
        return True


def tenant(tmp_path: Path, name: str = "contoso") -> Tenant:
    path = tmp_path / f"{name}.yaml"
    watched = {"entries": [{"reason": "nobody should", "operations": ["Microsoft.KeyVault/*/delete"]}]}
    snapshots = {"path": str(tmp_path / name)}
    path.write_text(yaml.safe_dump({"snapshots": snapshots, "schedule": {"every": "1h"}, "watch": watched}))
    return Tenant(name, load(path, {}))


class Running:
    """A job in front of a source; another one goes on where it ended."""

    def __init__(self, tmp_path: Path, source: Source, *names: str, shards: int = 3, cores: int = 2) -> None:
        self.tenants = [tenant(tmp_path, name) for name in names or ("contoso",)]
        self.states = tmp_path / "states"
        self.source = source
        options = JobOptions(self.tenants, source, self.states, tmp_path, shards, anomalies=tmp_path / "found")  # type: ignore[arg-type]
        self.job = Job(options, LocalSession(cores))

    def take(self, *numbers: int) -> None:
        for number in numbers:
            self.job.take(number, number)

    def lose(self, *attempts: Loss) -> None:
        """Have an executor be lost in some of the next attempts."""
        self.source.lost = iter(attempts)

    def state(self, name: str = "contoso") -> list[Any]:
        """Return what a single process would have saved that takes over now."""
        states = ShardStates(self.states / name)
        newest = states.newest()
        assert newest is not None
        single = build_engine(self.tenants[0].settings)
        single.load(merge_states(states.read_driver(newest), states.shards(newest)))
        return plain(single)


def plain(engine: Engine) -> list[Any]:
    return list(json.loads(json.dumps(list(engine.dump()))))


def telemetry() -> Telemetry:
    return Telemetry(Metrics(CollectorRegistry()), Health())


def alone(one: Tenant, batches: Sequence[Sequence[MessageBody]], engine: Engine | None = None) -> list[Any]:
    """Return what one engine saves at the end of the same; it may have been in use before."""
    engine, calendar, parser = engine or build_engine(one.settings), Calendar(), ActivityLogParser()
    for batch in batches:
        events, heads = {}, []
        for body in batch:
            assert body.enqueued_time is not None
            assert isinstance(body.place, int)
            message = Message(body.partition, body.place, str(body.place), body.enqueued_time, b"")
            parsed = parser.parse(body.body).events
            heads.append(route(message, parsed, engine.options.horizon, 1).head)
            events[body.partition, body.place] = parsed
        engine.expect({body.partition for body in batch})
        moments, calendar = moments_of(
            heads,
            calendar,
            one.settings.schedule.every,
            positions={name: position.sequence_number for name, position in engine.positions.items()},
            heartbeat=max((body.enqueued_time or EPOCH for body in batch), default=None),
            caught_up=True,
        )
        for moment in moments:
            if isinstance(moment, Head):
                engine.apply(moment.message, events[moment.message.partition, moment.message.sequence_number])
            elif isinstance(moment, End):
                engine.idle(*moment)
            else:
                engine.evaluate(moment.now)
    return plain(engine)


@pytest.mark.parametrize(("shards", "cores"), [slow(1, 1), (3, 2), slow(4, 8)])
def test_batches_come_to_what_one_engine_comes_to(tmp_path: Path, shards: int, cores: int) -> None:
    batches = cut(bodies(), 16)
    running = Running(tmp_path, Source(batches), shards=shards, cores=cores)
    running.take(*range(len(batches)))
    expected = alone(running.tenants[0], batches)
    assert running.state() == expected
    assert sum(section == "alert" for section, _ in expected) > 1
    lines = [line for path in (tmp_path / "found").rglob("*.ndjson") for line in path.read_text().splitlines()]
    assert {json.loads(line)["detector"] for line in lines} >= {"rare_action"}


@pytest.mark.slow
@pytest.mark.measured
def test_a_job_that_starts_over_goes_on_with_other_executors(tmp_path: Path) -> None:
    batches = cut(bodies(), 16)
    Running(tmp_path, Source(batches), cores=2).take(0, 1)
    worker._KEPT.clear()
    running = Running(tmp_path, Source(batches), cores=1)
    running.take(1, *range(2, len(batches)))  # the end of batch 1 had not been noted by Spark
    assert running.state() == alone(running.tenants[0], batches)


@pytest.mark.slow
@pytest.mark.measured
def test_what_is_lost_with_an_executor_is_done_again(tmp_path: Path) -> None:
    batches = cut(bodies(hours=20), 16)
    source = Source(batches)
    running = Running(tmp_path, source)
    running.take(0)
    running.lose(True, False, True, "late", False, "late")
    running.take(*range(1, len(batches)))
    assert running.state() == alone(running.tenants[0], batches)


@pytest.mark.slow
@pytest.mark.measured
def test_a_job_whose_executors_are_lost_again_and_again_ends(tmp_path: Path) -> None:
    source = Source(cut(bodies(hours=4), 16))
    running = Running(tmp_path, source)
    running.lose(True, True, True)
    with pytest.raises(JobStopped, match="batch 0: executors were lost 3 times: "):
        running.take(0)
    assert running.job.stopped.startswith("batch 0: executors were lost 3 times")
    running.take(0)
    assert running.state() == alone(running.tenants[0], source.batches)


@pytest.mark.slow
@pytest.mark.measured
def test_tenants_share_nothing_but_the_rounds(tmp_path: Path) -> None:
    contoso, fabrikam = cut(bodies("contoso", 30), 20), cut(bodies("fabrikam", 30, people=4), 20)
    batches = [some + others for some, others in zip(contoso, fabrikam, strict=True)]
    running = Running(tmp_path, Source(batches), "contoso", "fabrikam", shards=2)
    running.take(*range(len(batches)))
    assert running.state("contoso") == alone(running.tenants[0], contoso)
    assert running.state("fabrikam") == alone(running.tenants[1], fabrikam)


def test_a_state_that_is_missing_or_not_the_one_before_is_one_line(tmp_path: Path) -> None:
    batches = cut(bodies(hours=12), 4)
    running = Running(tmp_path, Source(batches))
    running.take(0, 1)
    with pytest.raises(
        OtherShard, match="contoso: batch 4 comes next by the checkpoint, and the states are after batch 1"
    ):
        running.take(4)
    with pytest.raises(OtherShard, match="batch 0 comes next"):
        Running(tmp_path, Source(batches)).take(0)
    with pytest.raises(OtherShard, match="the configuration says 2"):
        Running(tmp_path, Source(batches), shards=2).take(2)
    next((tmp_path / "states" / "contoso" / "batch-000000000001").glob("shard-0002*")).unlink()
    worker._KEPT.clear()
    again = Running(tmp_path, Source(batches))
    with pytest.raises(worker.MissingState, match="contoso: the state of shard 2 of 3 is missing: "):
        again.take(2)
    assert again.job.stopped.count("\n") == 0


@pytest.mark.slow
@pytest.mark.measured
def test_a_job_goes_on_from_the_state_of_a_single_process(tmp_path: Path) -> None:
    batches = cut(bodies(), 16)
    single = build_engine(tenant(tmp_path).settings)
    saved = alone(tenant(tmp_path), batches[:2], single)
    driver, shards = split_state([(section, row) for section, row in saved], 3)
    states = ShardStates(tmp_path / "states" / "contoso")
    for number, rows in enumerate(shards):
        states.write_shard(BEFORE_THE_FIRST, number, 3, rows, START)
    states.write_driver(BEFORE_THE_FIRST, driver, START)
    running = Running(tmp_path, Source(batches[2:]))
    running.take(*range(len(batches) - 2))
    assert running.state() == alone(running.tenants[0], batches[2:], single)
    assert sorted(path.name for path in states.folder.iterdir()) == ["batch-000000000001", "batch-000000000002"]


def test_a_state_that_was_parted_again_wants_a_new_checkpoint(tmp_path: Path) -> None:
    states = ShardStates(tmp_path / "states" / "contoso")
    driver, _ = split_state([(section, row) for section, row in plain(build_engine(tenant(tmp_path).settings))], 3)
    states.write_driver(BEFORE_THE_FIRST, driver, START)
    running = Running(tmp_path, Source(cut(bodies(hours=4), 2)))
    with pytest.raises(OtherShard, match="begin with a new checkpoint"):
        running.take(1)


def test_suppressions_are_looked_at_in_each_batch_and_a_slip_leaves_the_last_good_ones(
    tmp_path: Path,
) -> None:
    file = tmp_path / "suppressions.yaml"
    entry = {"action": "Microsoft.KeyVault/*", "from": START, "until": START + 60 * HOUR, "reason": "x", "owner": "y"}
    file.write_text(yaml.safe_dump({"suppressions": [{**entry, "learn": True}]}))
    one = tenant(tmp_path)
    settings = one.settings.model_copy(
        update={"suppressions": one.settings.suppressions.model_copy(update={"file": file})}
    )
    batches = cut(bodies(hours=24), 16)
    running = Running(tmp_path, Source(batches))
    driver = TenantDriver(one._replace(settings=settings), 3, tmp_path / "states", telemetry(), is_live=False)
    running.job._drivers["contoso"] = driver
    running.take(0)
    file.write_text("suppressions: nonsense")
    with capture_logs(processors=[merge_contextvars]) as logged:
        running.take(1, 2)
    assert [(one["tenant"], one["event"]) for one in logged if one["log_level"] == "error"] == [
        ("contoso", "suppressions_refused")
    ]
    assert any(section == "suppressed" for section, _ in running.state())
    assert not any(section == "alert" for section, _ in running.state())


def test_verdicts_are_told_and_what_is_not_delivered_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = tenant(tmp_path)
    sinks = {
        "out": {"kind": "stdout"},
        "hook": {"kind": "webhook", "url": "http://127.0.0.1:9/", "allow_private": True},
    }
    settings = load(None, {}).model_validate({**one.settings.model_dump(), "sinks": sinks})
    driver = TenantDriver(one._replace(settings=settings), 3, tmp_path / "states", telemetry(), is_live=False)
    evaluation = Evaluation(START, START, 0, [], 0, answered=[verdict_notice()])
    begun = driver.begin([], None, has_all=True)
    with capture_logs(processors=[merge_contextvars]) as logged:
        driver.commit(0, begun, BatchResult(0, Counter(), 0, [evaluation]), 0.1)
    assert "Closed as benign by" in capsys.readouterr().out
    assert ("delivery_retried", "hook") in [(one["event"], one.get("sink")) for one in logged]
