"""Sending a tenant with the real SDK: when its time has come, where it belongs, and for ever."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from azure.eventhub.aio import EventHubProducerClient

from demo.compressed import CompressedClock
from demo.hub import EmbeddedHub
from demo.produce import endless, produce
from demo.tenant import TenantPlan
from service.clock import SystemClock

ROOT = Path(__file__).parents[2]
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def test_an_endless_tenant_goes_on_after_its_last_day() -> None:
    plan = TenantPlan(identities=20, days=2, campaigns=2, campaigns_from=1, newcomers=0.0, start=MONDAY)
    since = MONDAY + timedelta(days=1)
    times = [moment for moment, _, _ in islice(endless(plan, since), 400)]
    assert times[0] >= since
    assert times[-1] > plan.end + timedelta(days=1)


@pytest.mark.integration
async def test_each_message_is_sent_to_its_partition_in_order_and_not_before_its_time() -> None:
    clock = CompressedClock(MONDAY)
    minutes = [1, 1, 2, 5, 5, 6]
    messages = [(MONDAY + timedelta(minutes=m), str(n % 2), b"%d" % n) for n, m in enumerate(minutes)]
    async with (
        EmbeddedHub(partitions=2, clock=clock) as hub,
        EventHubProducerClient.from_connection_string(hub.connection_string) as client,
    ):
        clock.run(3600.0)
        assert await produce(iter(messages), client, clock) == len(messages)
        kept = {partition: hub.messages(partition) for partition in "01"}
    assert [[message.body for message in kept[partition]] for partition in "01"] == [
        [b"0", b"2", b"4"],
        [b"1", b"3", b"5"],
    ]
    for moment, partition, body in messages:
        [message] = [message for message in kept[partition] if message.body == body]
        assert message.enqueued_time >= moment


@pytest.mark.integration
async def test_the_command_fills_an_event_hub_with_the_last_hours_first() -> None:
    async with EmbeddedHub(partitions=3) as hub:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "demo.produce", "--identities", "30",
            cwd=ROOT, env={**os.environ, "EVENT_HUB_CONNECTION_STRING": hub.connection_string},
        )  # fmt: skip
        try:
            async with asyncio.timeout(150):
                while not all(hub.messages(partition) for partition in "012"):
                    await SystemClock().sleep(0.1)
        finally:
            process.terminate()
            await process.wait()
        assert all(b'"records"' in message.body for message in hub.messages("0"))


@pytest.mark.integration
async def test_without_a_connection_string_the_command_says_what_is_missing() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "EVENT_HUB_CONNECTION_STRING"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "demo.produce", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
    )  # fmt: skip
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().endswith("EVENT_HUB_CONNECTION_STRING is not set\n")
