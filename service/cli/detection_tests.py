"""``unwonted test``: plays the history of each detection test, and says whether what was expected came of it.

What tests are is `service.expectations`' business, playing `service.replay`'s.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from models.detectors import Example
from service.cli.epilog import ending
from service.cli.expected import conclude, junit_option, read_files, show
from service.cli.inputs import (
    ENDED_ON_ERROR,
    config_option,
    configured_suppressions,
    fail,
    read_settings,
    refuse,
    suppressions_option,
)
from service.cli.unread import Unread
from service.core.alerting import Suppressions
from service.core.engine import Engine
from service.documents import Batch, FileSource, Reader, find, from_lines
from service.expectations import Checks, DetectionTest, Played, examples, record_lines
from service.replay import Replay
from service.settings import Settings, SettingsError
from service.wiring import build_engine_for_example, collect_seldom


@click.command(
    "test",
    short_help="Check that what must alert does, and the rest does not.",
    epilog=ending(
        "0 everything held; 1 something did not, or a history could not be read; 2 wrong usage or configuration, or a "
        "file of tests that is wrong",
        "test config/tests",
        "test --config unwonted.yaml --junit results.xml rules/*.yaml",
        "test - < rules.yaml",
    ),
)
@config_option
@click.argument("files", nargs=-1, required=True)
@junit_option
@suppressions_option
def test_command(files: Sequence[str], path: Path | None, junit: Path | None, suppressions: Path | None) -> None:
    """Play the histories in FILES, and hold what comes of them against what they expect.

    FILES are YAML: files, folders, patterns, or - for standard input, whose paths are relative to this folder. Each
    test begins knowing nothing, with the configuration of the service.
    """
    read = read_files(files, played=True)
    settings = read_settings(path)
    quiet = configured_suppressions(settings, suppressions)
    collect_seldom()
    played = []
    for name, folder, file in read:
        for test in file.tests:
            played.append(_played(name, folder, test, settings, quiet))
            show(played[-1])
    sys.exit(conclude(played, junit))


def _played(name: str, folder: Path, test: DetectionTest, settings: Settings, quiet: Suppressions) -> Played:
    """Play one test."""
    try:
        found = find(str(folder / one) for past in test.history for one in past.files or ())
    except OSError as error:
        return Played(name, test.name, error=f"{error.filename}: {error.strerror}")
    engine = _engine(settings, examples(test.history))
    engine.suppress(quiet)
    checks, unread = Checks(test.expect), Unread()
    driver = Replay(
        engine,
        every=settings.schedule.every,
        on_scored=lambda scored: None,
        on_alerts=checks.alerted,
        on_reject=unread.add_reject,
        on_read=lambda taken, count: None,
        order="time",
        on_closed=checks.closed,
        on_evaluated=lambda evaluation: checks.evaluated(engine.alerts.told),
    )
    try:
        driver.run(_batches(found.sources, record_lines(test.history), unread))
    except OSError as error:
        fail(f"cannot be finished: {error}", ENDED_ON_ERROR)
    # A history that is not what it should be proves nothing.
    return Played(
        name, test.name, checks.results(), "; ".join([*unread.lines(), *(f"no files: {one}" for one in found.empty)])
    )


def _engine(settings: Settings, shown: Sequence[Example]) -> Engine:
    places = {address: place for one in shown for address, place in one.places.items()}
    try:
        return build_engine_for_example(settings, places, [entry for one in shown for entry in one.watched])
    except SettingsError as error:
        refuse(error.lines)


def _batches(sources: Sequence[FileSource], lines: Sequence[bytes], unread: Unread) -> Iterator[Batch]:
    reader = Reader(sources, unread.add_problem)
    yield from reader
    yield from from_lines("activities", lines, before=reader.looked_at)
