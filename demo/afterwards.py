"""What to try on the state and the history that stay, once the performance is over."""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from demo.launch import CONFIGURATION
from demo.score import Told


def tries(folder: Path, told: Sequence[Told], *, served: bool) -> Iterator[str]:
    """Yield three commands, each a line: what to ask, of whom, and what to say; `served` while the service runs."""
    program = os.path.relpath(Path(sys.executable).with_name("unwonted"))
    most = max(told, key=lambda one: len(one.hints), default=None)
    yield f"  {folder} has state and history. Try:"
    yield f"            export UNWONTED_CONFIG={folder / CONFIGURATION}"
    yield f"            {program} incidents --since 2d"
    if most is not None:
        yield f"            {program} timeline {shlex.quote(most.actor_name)} --since 1d"
    if served and most is not None:
        yield f'            {program} verdict {most.id} --malicious --why "seen in the demo"'
    else:
        yield f"            {program} console"
