"""``python -m demo.hub``: prints the connection string of an embedded hub on stdout, and serves until told to stop."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from demo.hub.seeding import bodies, feed, lines
from demo.hub.server import EmbeddedHub
from service.clock import SystemClock


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.hub", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=5672, help="0: any free one")
    parser.add_argument("--hub", default="insights-activity-logs", help="the event hub's name")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--group", action="append", help="consumer group; repeat (default: $Default and unwonted)")
    parser.add_argument("--key", default="embedded-hub-key", help="of the policy RootManageSharedAccessKey")
    parser.add_argument("--seed", type=Path, action="append", default=[], help="ndjson of records or envelopes; repeat")
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second from the seed; 0: all at once")
    parser.add_argument("--per-message", type=int, default=1, help="records put into one message")
    parser.add_argument("--retain", type=int, help="messages to keep in a partition (default: all)")
    options = parser.parse_args(argv)
    for path in options.seed:
        if not path.is_file():
            parser.error(f"--seed {path}: there is no such file")
    return options


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM."""
    clock = SystemClock()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    groups = options.group or ["$Default", "unwonted"]
    async with EmbeddedHub(
        hub=options.hub,
        partitions=options.partitions,
        host=options.host,
        port=options.port,
        consumer_groups=groups,
        key=options.key,
        clock=clock,
        retain=options.retain,
    ) as hub:
        print(hub.connection_string, flush=True)
        messages = bodies(chain.from_iterable(map(lines, options.seed)), options.per_message)
        feeding = asyncio.create_task(feed(hub, messages, options.rate, clock))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([feeding, stopping], return_when=asyncio.FIRST_COMPLETED)
        if feeding.done():
            print(f"{feeding.result()} messages appended", file=sys.stderr, flush=True)
            await stopping
        feeding.cancel()
        await asyncio.wait([feeding])


if __name__ == "__main__":
    asyncio.run(serve(_arguments(None)))
