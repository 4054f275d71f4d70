"""``python -m demo``: two minutes of a simulated tenant under attack, watched by the real service.

Exits 0 only if what must be seen was seen.
"""

import asyncio
import io
import signal
import sys

from demo.launch import ServiceEnded
from demo.options import read_options
from demo.play import Play
from demo.show import Terminal


def main() -> int:
    """Play, and return the exit code."""
    options = read_options()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without box characters is no reason to fail
    terminal = Terminal(sys.stdout)
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell that starts it in the background has SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        return 0 if asyncio.run(Play(options, terminal).run()) else 1
    except KeyboardInterrupt:
        terminal.say("interrupted")
        return 130
    except FileExistsError as error:
        terminal.say(str(error))
        return 2
    except ServiceEnded as ended:
        terminal.say(f"The service has ended before it should have:\n{ended}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
