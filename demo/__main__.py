"""``python -m demo``: two minutes of a simulated tenant under attack, watched by the real service.

Exits 0 only if what must be seen was seen.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from demo.launch import ServiceEnded
from demo.play import Options, Play
from demo.show import Terminal
from demo.tenant import Tenant


def read_options(argv: list[str] | None = None) -> Options:
    """Read the command line; `argv` defaults to the process's own."""
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="Watch Unwonted learn a simulated tenant and find the attacks in it."
    )
    parser.add_argument("--seed", type=int, default=24, help="of the tenant (default: %(default)s)")
    parser.add_argument("--identities", type=int, default=120, help="who acts (default: %(default)s)")
    parser.add_argument("--attacks", type=int, default=8, help="planted in the live days (default: %(default)s)")
    parser.add_argument("--history", type=int, default=35, help="days to learn from (default: %(default)s)")
    parser.add_argument("--live", type=int, default=2, help="days to watch (default: %(default)s)")
    parser.add_argument("--tick", type=float, default=0.2, help="seconds for 15 minutes (default: %(default)s)")
    parser.add_argument("--threshold", type=float, default=60.0, help="least score that alerts (default: %(default)s)")
    parser.add_argument("--page-port", type=int, default=8090, help="if it is free (default: %(default)s)")
    parser.add_argument("--metrics-port", type=int, default=8080, help="if it is free (default: %(default)s)")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="write a picture of the page, with Chromium")
    parser.add_argument(
        "--keep",
        action=argparse.BooleanOptionalAction,
        default=sys.stdout.isatty(),
        help="keep page and metrics until Ctrl-C (default: on a terminal)",
    )
    options = Options(**vars(parser.parse_args(argv)))
    if min(options.history, options.live) < 1 or options.tick <= 0:
        parser.error("--history, --live and --tick must be positive")
    try:
        Tenant(options.plan)
    except ValueError as error:
        parser.error(str(error))
    return options


def main() -> int:
    """Play, and return the exit code."""
    options = read_options()
    terminal = Terminal(sys.stdout)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return 0 if asyncio.run(Play(options, terminal).run()) else 1
    except KeyboardInterrupt:
        terminal.say("interrupted")
        return 130
    except ServiceEnded as ended:
        terminal.say(f"The service has ended before it should have:\n{ended}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
