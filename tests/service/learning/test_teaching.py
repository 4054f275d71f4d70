"""History teaches a state what the hub would have taught it, once, whatever shape it comes in and how often."""

import asyncio
import random
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from models.stream.operations import RecordResult
from service.activity_log_api.asking import ApiRefused
from service.core.messages import Message
from service.core.parsing.parser import ActivityLogParser
from service.documents.reading import Reader
from service.learning.history import whole_days
from service.learning.spool import Spool
from service.learning.teaching import Teaching, TeachingStopped
from tests.service.core.parsing.samples import record
from tests.service.learning.lessons import (
    ARRIVALS,
    END,
    RECORDS,
    START,
    fail_on_anything,
    fetch,
    learnt,
    messages,
    new_engine,
    served,
    teach_files,
    teach_lines,
)

pytestmark = [pytest.mark.slow, pytest.mark.measured]

DAY = timedelta(days=1)


async def test_the_rest_api_teaches_what_the_same_records_as_lines_teach(tmp_path: Path) -> None:
    from_lines, from_api = new_engine(), new_engine()
    teach_lines(from_lines, RECORDS)
    async with served() as world:
        taught = teach_files(from_api, await fetch(tmp_path, *world))
    assert learnt(from_api) == learnt(from_lines)
    assert taught.summary.records == len(RECORDS)
    assert learnt(from_api)["bucket cell"], "what is open at the end stays open"
    assert from_api.positions == {}
    assert from_api.watermark.dump()["marks"] == {}
    assert not len(from_api.alerts)


async def test_records_that_come_again_on_other_pages_and_days_are_learnt_once(tmp_path: Path) -> None:
    rng = random.Random(3)
    midnight = {**RECORDS[0], "time": (START + DAY).isoformat(), "correlationId": "midnight"}
    once = [*RECORDS, midnight]  # on the border of two days it is in both of them
    twice = [*once, *rng.sample(RECORDS, 200)]
    from_lines, from_api = new_engine(), new_engine()
    teach_lines(from_lines, once)
    async with served(twice, page=7) as world:
        taught = teach_files(from_api, await fetch(tmp_path, *world))
    assert taught.summary.records > len(twice)
    expected = learnt(from_lines)
    found = learnt(from_api)
    assert found.pop("engine")[0]["records"] > expected.pop("engine")[0]["records"]
    assert found == expected


@pytest.mark.parametrize("hours", [20, 72])
async def test_the_hub_that_brings_the_same_again_teaches_nothing(tmp_path: Path, hours: int) -> None:
    once, again = new_engine(), new_engine()
    async with served() as world:
        fetched = await fetch(tmp_path, *world)
    teach_files(once, fetched)
    teach_files(again, fetched)
    parser = ActivityLogParser()
    again.expect(["0", "1", "2", "3"])
    results = dict.fromkeys(RecordResult, 0)
    for number, (partition, enqueued, body) in enumerate(messages(ARRIVALS)):
        if enqueued < END - timedelta(hours=hours):
            continue
        applied = again.apply(Message(partition, number, str(number), enqueued, body), parser.parse(body).events)
        for result, times in applied.results.items():
            results[result] += times
    assert results[RecordResult.OPERATION] == results[RecordResult.LATE] == results[RecordResult.SATURATED] == 0
    assert results[RecordResult.DUPLICATE] > 0
    found, expected = learnt(again), learnt(once)
    for section in ("engine", "position"):
        found.pop(section), expected.pop(section, None)
    assert found == expected


def test_nothing_of_a_history_is_told_but_what_it_has_left_open() -> None:
    engine = new_engine()
    teach_lines(engine, RECORDS)
    assert engine.alert_from is not None
    assert engine.watermark.time <= engine.alert_from < END
    assert engine.recent.by_id == {}
    old = new_engine()
    teach_lines(old, RECORDS, now=END + 30 * DAY)
    assert old.alert_from == END + 30 * DAY - old.options.window


def test_a_stray_record_of_the_future_does_not_make_everything_live_too_late() -> None:
    engine = new_engine()
    taught = teach_lines(engine, [*RECORDS, record(time=(END + 900 * DAY).isoformat(), correlationId="stray")])
    assert taught.summary.clamped == 1
    assert engine.watermark.time <= END


def test_records_that_are_days_apart_are_none_of_them_too_late() -> None:
    sparse = [record(time=(START + day * DAY).isoformat(), correlationId=f"c{day}") for day in range(60)]
    engine = new_engine()
    taught = teach_lines(engine, sparse, now=START + 61 * DAY)
    assert taught.summary.results[RecordResult.OPERATION] == 60
    assert taught.summary.results[RecordResult.TOO_LATE] == 0


def test_a_successor_tells_on_where_its_predecessor_stopped_and_learns_again() -> None:
    before, after = new_engine(threshold=0.01), new_engine(threshold=0.01)
    parser = ActivityLogParser()
    before.begin(START)
    for number, (partition, enqueued, body) in enumerate(messages(ARRIVALS)):
        before.apply(Message(partition, number, str(number), enqueued, body), parser.parse(body).events)
    before.evaluate(END)
    after.succeed(before.dump())
    teach_lines(after, RECORDS)
    assert after.positions == before.positions
    assert after.alert_from == before.evaluated_until
    fresh, succeeded = new_engine(threshold=0.01), learnt(after)
    teach_lines(fresh, RECORDS)
    told = ("engine", "position", "alert", "failing", "rollout", "campaign", "open", "suppressed", "recent")
    assert {name: rows for name, rows in succeeded.items() if name not in told} == {
        name: rows for name, rows in learnt(fresh).items() if name not in told
    }
    assert succeeded["alert"] == learnt(before)["alert"]


async def test_a_subscription_that_may_not_be_read_is_said_and_the_others_are_learnt(tmp_path: Path) -> None:
    from_lines, from_api = new_engine(), new_engine()
    async with served() as (server, credential, clock):
        closed = server.subscriptions[0]
        server.forbidden.add(closed)
        fetched = await fetch(tmp_path, server, credential, clock)
        open_ones = server.subscriptions[1:]
    assert fetched.refused == {closed: "403 AuthorizationFailed"}
    assert fetched.origins == 4
    teach_files(from_api, fetched)
    teach_lines(from_lines, [one for one in RECORDS if one["resourceId"].lower().split("/")[2] in open_ones])
    assert learnt(from_api) == learnt(from_lines)


@pytest.mark.integration
async def test_throttling_and_tokens_that_expire_between_two_pages_change_nothing(tmp_path: Path) -> None:
    calm, rough = new_engine(), new_engine()
    async with served() as world:
        teach_files(calm, await fetch(tmp_path / "calm", *world))
    async with served(page=5) as (server, credential, clock):
        calls = count()

        async def unsteady() -> None:
            call = next(calls)
            if call % 40 == 3:
                credential.revoke()
            if call % 20 == 17:
                server.refuse(429, times=2, Retry_After="11")

        server.on_request = unsteady
        teach_files(rough, await fetch(tmp_path / "rough", server, credential, clock))
    assert clock.slept.count(11.0) > 10
    assert credential.issued > 4
    assert learnt(rough) == learnt(calm)


async def test_subscriptions_are_those_named_those_of_a_group_or_all(tmp_path: Path) -> None:
    async with served() as (server, credential, clock):
        one = server.subscriptions[2]
        named = await fetch(tmp_path / "1", server, credential, clock, subscriptions=[one.upper()])
        assert {file.name.split(".")[0] for file in named.files} == {one}
        grouped = await fetch(tmp_path / "2", server, credential, clock, management_group="prod")
        assert (grouped.origins, grouped.files) == (0, [])
        with pytest.raises(ApiRefused, match="404"):
            await fetch(tmp_path / "3", server, credential, clock, management_group="nowhere")


@pytest.mark.integration
async def test_twenty_subscriptions_of_ninety_days_are_fetched_and_the_first_of_them_before_azure_forgets_it(
    tmp_path: Path,
) -> None:
    hours = [START + timedelta(hours=7 * number) for number in range(-300, 0)]
    records = [
        record(
            time=hour.isoformat(),
            resourceId=f"/SUBSCRIPTIONS/S{number % 20:02}/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.WEB/SITES/S",
            correlationId=f"c{number}",
        )
        for number, hour in enumerate(hours)
    ]
    engine = new_engine()
    async with served(records) as (server, credential, clock):
        clock.moment = START
        fetched = await fetch(tmp_path, server, credential, clock, days=90)
        assert (fetched.origins, fetched.fetched, fetched.refused) == (20, 20 * 90, {})
        again = await fetch(tmp_path, server, credential, clock, days=90)
        assert (again.fetched, again.resumed, again.files) == (0, 20 * 90, fetched.files)
        clock.moment += DAY  # what has been fetched of whole days is fetched no more, and the oldest day is gone
        later = await fetch(tmp_path, server, credential, clock, days=90)
        assert (later.fetched, later.resumed) == (20, 20 * 89)
    taught = teach_files(engine, fetched, now=START)
    assert taught.summary.results[RecordResult.OPERATION] == len(records)


async def test_a_teaching_that_is_stopped_ends_before_its_end(tmp_path: Path) -> None:
    async with served() as world:
        fetched = await fetch(tmp_path, *world)
    engine = new_engine()
    teaching = Teaching(engine, now=END, on_reject=fail_on_anything, folder=tmp_path, run=50)
    running = asyncio.ensure_future(teaching.run_aside(Reader(fetched.files, fail_on_anything)))
    await asyncio.sleep(0)  # noqa: TID251 - lets the thread begin
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(TeachingStopped):
        teaching.run(Reader(fetched.files, fail_on_anything))


def test_what_a_kill_has_left_of_sorting_goes_with_the_next_run(tmp_path: Path) -> None:
    (tmp_path / "unwonted-left").mkdir()
    with Spool(tmp_path):
        assert not list(tmp_path.glob("unwonted-*"))


def test_a_span_begins_at_a_midnight() -> None:
    assert whole_days(END + timedelta(hours=5), 3) == (START, END + timedelta(hours=5))
