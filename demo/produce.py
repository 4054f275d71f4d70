"""Sends a simulated tenant's messages with the real SDK, each when its time has come.

`python -m demo.produce` does so for ever, in real time, into whatever Event Hub it is given: first what would have come
in the last hours, then what comes now.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.eventhub.exceptions import EventHubError

from demo.tenant import Tenant, TenantPlan
from service.clock import SystemClock
from service.core.ports import Clock

Message = tuple[datetime, str, bytes]
BATCH_BYTES = 200_000
BACKLOG = timedelta(hours=20)
"""Less than the service's late_horizon, so that it judges what happened before the hub was filled."""


async def produce(messages: Iterable[Message], client: EventHubProducerClient, clock: Clock) -> int:
    """Send each message to its partition when the calendar says its time; returns how many.

    Parameters
    ----------
    messages
        Enqueued time, partition, body; in order of time.
    """
    waiting: dict[str, list[EventData | AmqpAnnotatedMessage]] = {}
    size = sent = 0
    for moment, partition, body in messages:
        if waiting and (moment > clock.now() or size >= BATCH_BYTES):
            await _send(waiting, client)
            size = 0
        await clock.sleep_until(moment)
        waiting.setdefault(partition, []).append(EventData(body))
        size += len(body)
        sent += 1
    await _send(waiting, client)
    return sent


async def _send(waiting: dict[str, list[EventData | AmqpAnnotatedMessage]], client: EventHubProducerClient) -> None:
    for partition, events in waiting.items():
        await client.send_batch(events, partition_id=partition)
    waiting.clear()


def endless(plan: TenantPlan, since: datetime) -> Iterator[Message]:
    """Yield the messages of `plan` from `since` on, then those of as many days after it, for ever."""
    for lap in count():
        start = plan.start + lap * timedelta(days=plan.days)
        first = plan.campaigns_from if lap == 0 else 0
        lapped = replace(plan, start=start, campaigns_from=first)
        yield from (message for message in Tenant(lapped).messages() if message[0] >= since)


async def live(options: argparse.Namespace, connection_string: str) -> None:
    """Connect, retrying until the hub is up, and send until stopped."""
    clock = SystemClock()
    client = EventHubProducerClient.from_connection_string(connection_string, eventhub_name=options.hub)
    async with client:
        partitions = await _count_partitions(client, clock)
        today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        monday = today - timedelta(days=today.weekday() + 7)
        plan = TenantPlan(
            seed=options.seed,
            identities=options.identities,
            days=28,
            start=monday,
            campaigns=options.attacks,
            campaigns_from=(today - monday).days + 1,
            activity=options.activity,
            newcomers=0.0,
            partitions=partitions,
        )
        print(f"sending to {partitions} partitions as {plan.identities} identities", file=sys.stderr, flush=True)
        await produce(endless(plan, clock.now() - BACKLOG), client, clock)


async def _count_partitions(client: EventHubProducerClient, clock: Clock) -> int:
    while True:
        try:
            return len(await client.get_partition_ids())
        except EventHubError as error:
            print(f"the hub does not answer yet: {type(error).__name__}", file=sys.stderr, flush=True)
        await clock.sleep(5.0)


def main() -> None:
    """Read the command line and the environment, and send."""
    parser = argparse.ArgumentParser(prog="python -m demo.produce", description=__doc__)
    parser.add_argument("--hub", help="the event hub's name, unless the connection string has an EntityPath")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("DEMO_SEED", "7")))
    parser.add_argument("--identities", type=int, default=int(os.environ.get("DEMO_IDENTITIES", "100")))
    parser.add_argument("--attacks", type=int, default=20, help="in four weeks (default: %(default)s)")
    parser.add_argument("--activity", type=float, default=1.0, help="factor on how much everybody does")
    options = parser.parse_args()
    # Not an option: a command line can be read by every user of the machine.
    connection_string = os.environ.get("EVENT_HUB_CONNECTION_STRING")
    if not connection_string:
        parser.error("EVENT_HUB_CONNECTION_STRING is not set")
    try:
        asyncio.run(live(options, connection_string))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
