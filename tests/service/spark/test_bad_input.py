"""What goes wrong in a job: one clear line, or the same answers; and what it counts, keeps and tells of it."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from service.settings.reading import load
from service.shards.shard import OtherShard
from service.spark.job import JobStopped
from service.spark.sources import MessageBody
from service.spark.tenant_driver import TenantDriver
from service.spark.tenants import Tenant
from tests.service.spark.test_batches import (
    HOUR,
    MINUTE,
    PEOPLE,
    START,
    Running,
    Source,
    alone,
    bodies,
    cut,
    record,
    telemetry,
    tenant,
)


def metric(running: Running, name: str, **labels: str) -> float:
    return running.job.registry.get_sample_value(name, labels) or 0.0


def test_what_cannot_be_read_is_counted_logged_and_kept_beside_the_states(tmp_path: Path) -> None:
    good = bodies(hours=4)
    poison = [
        MessageBody("contoso", "2", number, START + HOUR, body)
        for number, body in enumerate((b"\x00\xff nonsense", b'{"records": [{"time": 1}, 7]}', b'{"records": ['))
    ]
    running = Running(tmp_path, Source([[*good, *poison]]))
    with capture_logs(processors=[merge_contextvars]) as logged:
        running.take(0)
    [batch] = [one for one in logged if one["event"] == "batch"]
    assert (batch["tenants"], batch["messages"]) == (1, len(good) + 3)
    assert batch["rejected"] >= 3
    [rejected] = [one for one in logged if one["event"] == "records_rejected"]
    assert (rejected["tenant"], rejected["partition"], rejected["count"]) == ("contoso", "2", batch["rejected"])
    letters = (running.states / "contoso" / "rejected.ndjson").read_text().splitlines()
    assert len(letters) == batch["rejected"]
    counted = sum(
        sample.value
        for family in running.job.registry.collect()
        for sample in family.samples
        if sample.name == "unwonted_rejects_total"
    )
    assert counted == batch["rejected"]
    assert running.state() == alone(running.tenants[0], [[*good, *poison]])


@pytest.mark.slow
@pytest.mark.measured
def test_messages_that_the_hub_no_longer_had_are_told_as_a_coverage_gap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of partition 0 the job never sees what was written in hours 8 to 11: retention took it."""
    found = [one for one in bodies(hours=20) if one.partition == "1" or one.place not in range(8, 12)]
    one = tenant(tmp_path)
    settings = load(None, {}).model_validate({**one.settings.model_dump(), "sinks": {"out": {"kind": "stdout"}}})
    running = Running(tmp_path, Source(cut(found, 12), is_live=True))
    driver = TenantDriver(one._replace(settings=settings), 3, running.states, telemetry(), is_live=True)
    running.job._drivers["contoso"] = driver
    with capture_logs(processors=[merge_contextvars]) as logged:
        running.take(0, 1, 2)
    gaps = [one for one in logged if one["event"] == "coverage_gap_opened" and one["kind"] == "lost"]
    assert [(gap["partitions"], gap["lost_messages"]) for gap in gaps] == [(["0"], 4)]
    assert "4 messages" in capsys.readouterr().out


def test_metrics_are_counted_as_those_of_a_single_process(tmp_path: Path) -> None:
    batches = cut(bodies(hours=20), 16)
    running = Running(tmp_path, Source(batches))
    running.take(*range(len(batches)))
    messages = sum(map(len, batches))
    assert sum(metric(running, "unwonted_messages_total", partition=name) for name in "01") == messages
    assert metric(running, "unwonted_evaluations_total", result="success") > 10
    assert running.job.health.result("ready").ok


@pytest.mark.slow
@pytest.mark.measured
def test_one_identity_that_is_half_of_all_traffic_changes_nothing(tmp_path: Path) -> None:
    found = []
    for number, body in enumerate(bodies(hours=30)):
        records, first = json.loads(body.body)["records"], 900_000 + number * 100
        at = START + number // 2 * HOUR
        busy = [
            record(PEOPLE[0], at + place * MINUTE, "Microsoft.Web/sites/write", first + place)
            for place in range(len(records))
        ]
        found.append(body._replace(body=json.dumps({"records": records + busy}).encode()))
    batches = cut(found, 16)
    running = Running(tmp_path, Source(batches), shards=4, cores=3)
    running.take(*range(len(batches)))
    assert running.state() == alone(running.tenants[0], batches)


def test_a_message_that_ends_whoever_parses_it_ends_the_job_with_one_line(tmp_path: Path) -> None:
    class Poisoned(Source):
        def rows(self, frame: int, tenants: Sequence[Tenant], tasks: int) -> Any:
            raise RuntimeError("Job aborted\n  ExecutorLostException: the worker was killed\n at java")

    running = Running(tmp_path, Poisoned(cut(bodies(hours=4), 16)))
    with pytest.raises(JobStopped, match=r"batch 0: executors were lost 3 times: .*ExecutorLostException"):
        running.take(0)
    assert running.job.stopped.count("\n") == 0


@pytest.mark.slow
@pytest.mark.measured
def test_two_jobs_that_take_the_same_batch_at_once_come_to_the_same(tmp_path: Path) -> None:
    """Nothing keeps a second job from a folder of states; it writes what the first one writes, or is refused."""
    batches = cut(bodies(hours=24), 16)
    jobs = [Running(tmp_path, Source(batches)) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for number in range(len(batches)):
            list(pool.map(lambda job, batch: job.take(batch), jobs, [number] * 2))
    assert jobs[0].state() == alone(jobs[0].tenants[0], batches)
    with pytest.raises(OtherShard, match="another job writes there"):
        jobs[1].take(0)


@pytest.mark.slow
@pytest.mark.measured
def test_a_batch_of_very_many_records_comes_to_the_same(tmp_path: Path) -> None:
    found = []
    for number, body in enumerate(bodies(hours=40)):
        at = START + number // 2 * HOUR
        more = [
            record(who, at + place % 50 * MINUTE, "Microsoft.Web/sites/read", 10_000_000 + number * 1000 + place)
            for place, who in enumerate(PEOPLE * 55)
        ]
        records = json.loads(body.body)["records"] + more
        found.append(body._replace(body=json.dumps({"records": records}).encode()))
    running = Running(tmp_path, Source([found]), shards=4, cores=3)
    with capture_logs() as logged:
        running.take(0)
    assert [one["records"] for one in logged if one["event"] == "batch"] > [39_000]
    assert running.state() == alone(running.tenants[0], [found])
