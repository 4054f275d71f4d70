"""``make soak``: hurts the service for as long as one likes, and reports what happened; a seed reproduces the faults.

``make soak ARGS="--faults 1000 --seed 7"``; exits with 1 if anything was broken.
"""

import argparse
import asyncio
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp

from tests.fakes.azurite import azurite, find_azurite
from tests.soak.chapters import chapter
from tests.soak.report import Report


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--faults", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="draws tenants and faults (default: %(default)s)")
    parser.add_argument("--chapter", type=int, default=100, help="faults that one service has to bear (%(default)s)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no chapter after so long")
    parser.add_argument("--report", type=Path, help="where to write the report as well")
    return parser.parse_args(argv)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


async def soak(options: argparse.Namespace) -> Report:
    """Play chapter after chapter, every other one with snapshots in blobs; returns the report."""
    report = Report(options.seed)
    folder = Path(mkdtemp(prefix="unwonted-soak-"))
    _say(f"what the services leave behind: {folder}")
    with ExitStack() as stack:
        script = find_azurite()
        storage = None if script is None else stack.enter_context(azurite(script))
        if storage is None:
            _say("Azurite is not installed (npm ci): all snapshots go to files")
        number = 0
        while report.faults.total() < options.faults and report.seconds < options.seconds:
            place = folder / f"{number}"
            place.mkdir()
            faults = min(options.chapter, options.faults - report.faults.total())
            await chapter(report, place, storage if number % 2 else None, f"{options.seed}/{number}", faults, _say)
            number += 1
            if options.report is not None:
                options.report.write_text(str(report))
    return report


def main() -> int:
    """Run it; returns the exit code."""
    options = _arguments(None)
    if shutil.which("faketime") is None:
        _say("the service's clock is set by faketime, which is not installed (Debian: faketime)")
        return 2
    report = asyncio.run(soak(options))
    sys.stdout.write(str(report))
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
