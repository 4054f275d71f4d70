"""What to try on the state and the history that stay, once the performance is over."""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from demo.launch import CONFIGURATION
from demo.score import Told


def tries(folder: Path, told: Sequence[Told], days: int, *, served_at: str | None) -> Iterator[str]:
    """Yield what to try, a line each: commands on the last `days`, and in the console where it is `served_at`."""
    program = os.path.relpath(Path(sys.executable).with_name("unwonted"))
    most = max(told, key=lambda one: len(one.hints), default=None)
    yield f"  {folder} has state and history. Try:"
    yield f"            export UNWONTED_CONFIG={folder / CONFIGURATION}"
    yield f"            {program} incidents --since {days}d"
    if most is not None:
        yield f"            {program} timeline {shlex.quote(most.actor_name)} --since {days}d"
    if served_at is None:
        yield f"            {program} console"
    elif most is not None:
        yield "  Say in the console what one alert was, and see the message that follows on the page:"
        yield f"            {served_at}/alerts/{most.id}"
