"""`python -m demo.receiver`: the receiver on its own, until it is interrupted."""

import argparse
import asyncio
import os
import signal

from demo.receiver.server import Receiver


async def serve(receiver: Receiver) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with receiver:
        print(f"page     {receiver.page_url}", flush=True)
        print(f"teams    {receiver.teams_url}", flush=True)
        print(f"slack    {receiver.slack_url}", flush=True)
        print(f"webhook  {receiver.webhook_url}", flush=True)
        await stop.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.receiver", description="Show what Teams and Slack would show."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8090, help="port to listen on, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument("--throttle", action="store_true", help="answer 429 beyond the rates of the real ones")
    options = parser.parse_args()
    # Not an option: a command line can be read by every user of the machine.
    secret = os.environ.get("RECEIVER_SECRET")
    asyncio.run(serve(Receiver(options.port, host=options.host, secret=secret, throttle=options.throttle)))


if __name__ == "__main__":
    main()
