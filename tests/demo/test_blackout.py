"""The demo's scripted fault: when there is one, when it begins and ends, and what counts as having been told of it."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from demo.blackout import AT_MOST, Blackout, Noticed, is_notice, patience, planned, read_notice
from demo.hub import EmbeddedHub
from demo.options import read_options
from demo.receiver import Kind, Received
from demo.show import notice_card
from service.core.ports import Sink
from service.sinks.webhook.sink import WebhookSink
from tests.fakes.clock import MONDAY_MORNING, FakeClock
from tests.fakes.notices import notice
from tests.service.sinks.kinds import SINKS

START = MONDAY_MORNING + timedelta(hours=1)


def payload(kind: str, stage: str) -> object:
    sink: Sink = SINKS[kind]()
    until = START if stage == "closed" else None
    told = notice(stage=stage, until=until, revision=2 if until else 1, partitions=("0",))
    return json.loads(sink.render_notice(told).body)


def noticed(stage: str) -> Noticed:
    event = payload("webhook", stage)
    assert isinstance(event, dict)
    assert is_notice(event)
    return read_notice(event)


def received(*kinds: Kind) -> Iterator[Received]:
    for kind in kinds:
        for stage in ("opened", "closed"):
            yield Received(1, kind, payload(kind, stage), {}, 9, MONDAY_MORNING, 202, ())


async def blackout(clock: FakeClock) -> tuple[EmbeddedHub, Blackout]:
    hub = EmbeddedHub(clock=clock)
    return hub, Blackout(hub, clock, START)


async def test_the_partition_is_withheld_until_the_service_has_said_so() -> None:
    clock = FakeClock()
    hub, fault = await blackout(clock)
    assert fault.step([]) is None
    assert hub.faults.withheld == set()
    await clock.advance_to(START)
    assert "withholds partition 0" in (fault.step([]) or "")
    assert hub.faults.withheld == {"0"}
    assert fault.step([]) is None
    assert hub.faults.withheld == {"0"}
    assert fault.step([noticed("opened")]) == "the hub gives partition 0 back"
    assert hub.faults.withheld == set()
    assert not fault.over
    fault.step([noticed("closed")])
    assert fault.over
    verdict = fault.verdict(received("teams", "slack", "webhook"))
    assert verdict is not None
    assert verdict[0]


async def test_a_service_that_says_nothing_gets_its_partition_back_and_has_not_worked() -> None:
    clock = FakeClock()
    hub, fault = await blackout(clock)
    await clock.advance_to(START)
    fault.step([])
    await clock.advance(AT_MOST + 1.0)
    fault.step([])
    assert hub.faults.withheld == set()
    verdict = fault.verdict([])
    assert verdict is not None
    assert not verdict[0]


async def test_a_notice_that_only_machines_got_is_not_enough() -> None:
    clock = FakeClock()
    _, fault = await blackout(clock)
    await clock.advance_to(START)
    fault.step([])
    fault.step([noticed("opened"), noticed("closed")])
    verdict = fault.verdict(received("webhook", "teams"))
    assert verdict is not None
    assert not verdict[0]


def test_a_demo_that_is_too_short_has_no_fault() -> None:
    options = read_options(["--live", "1"])
    end = MONDAY_MORNING + timedelta(hours=25)
    assert planned(options, MONDAY_MORNING, end, rate=30_000.0) is None
    assert planned(options, MONDAY_MORNING, end, rate=9_000.0) == MONDAY_MORNING + timedelta(hours=3)
    assert patience(9_000.0) == timedelta(hours=7, minutes=30)


@pytest.mark.parametrize("stage", ["opened", "closed"])
def test_a_notice_is_a_card_of_at_most_a_hundred_characters_a_line(stage: str) -> None:
    lines = notice_card(noticed(stage), rate=3600.0)
    assert max(map(len, lines)) <= 100
    assert [line[0] for line in lines] == ["┌", "│", "│", "└"]
    assert lines[2] == "│ time is compressed: 1 s is 1 h 00 min of the calendar"


def test_an_alert_is_no_notice() -> None:
    sink = SINKS["webhook"]()
    assert isinstance(sink, WebhookSink)
    assert not is_notice({"type": "unwonted.alert.created"})
    asyncio.run(sink.close())
