"""Expectations of files, for the commands that check them: reading, the summary, and what JUnit is told."""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

from models.detectors import Anomaly
from service.cli.inputs import MISCONFIGURED, fail
from service.core.alerting import Alert
from service.core.engine import ClosedBucket
from service.documents import find
from service.expectations import Checks, Played, TestFile, TestFileError, junit_xml, read_tests
from service.sinks import clean

NOT_HELD = 1
_LINE = 1_000
_SUFFIXES = {".yaml", ".yml"}

junit_option = click.option(
    "--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write the results here, as JUnit XML."
)


def read_files(files: Iterable[str]) -> list[tuple[str, Path, TestFile]]:
    """Return the name, the folder and the tests of each file, or exit with every mistake on a line."""
    read, wrong = [], list[str]()
    try:
        sources = find(dict.fromkeys(files)).sources
        # Of a folder, what is no YAML belongs to the tests, or to somebody else.
        named = set(files)
        wanted = [one for one in sources if one.path is None or one.name in named or one.path.suffix in _SUFFIXES]
        for one in wanted:
            data = one.path.read_bytes() if one.path else sys.stdin.buffer.read()
            try:
                read.append((one.name, one.path.parent if one.path else Path(), read_tests(data, one.name)))
            except TestFileError as error:
                wrong += error.lines
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", MISCONFIGURED)
    if wrong:
        fail("\n".join(wrong), MISCONFIGURED)
    if not read:
        fail("none of these folders has a file of tests in it", MISCONFIGURED)
    return read


def show(played: Played, *, err: bool = False) -> None:
    """Say whether a test held, and of each expectation that did not why."""
    say = f"{'held  ' if played.held else 'FAILED'}  {played.file}: {clean(played.name, _LINE)}"
    count = len(played.checked)
    click.echo(f"{say} ({count} expectation{'s' if count != 1 else ''})" if played.held else say, err=err)
    for line in [played.error] if played.error else []:
        click.echo(f"        {clean(line, _LINE)}", err=err)
    for one in played.checked:
        if one.failure:
            click.echo(f"        {clean(one.title, _LINE)}", err=err)
            click.echo(f"          {clean(one.failure, _LINE)}", err=err)


def conclude(played: Sequence[Played], junit: Path | None, *, err: bool = False) -> int:
    """Say what it came to, write it for others, and return the exit code."""
    failed = sum(not one.held for one in played)
    tests = f"{len(played):,} test{'s' if len(played) != 1 else ''}"
    click.echo(f"{tests}, {failed:,} failed" if failed else f"{tests}, all held", err=err)
    if junit:
        try:
            junit.write_bytes(junit_xml(played))
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}", MISCONFIGURED)
    return NOT_HELD if failed else 0


class Expected:
    """What files of tests expect of a replay, possibly nothing; the histories in them are not played."""

    def __init__(self, read: Iterable[tuple[str, Path, TestFile]]) -> None:
        self.checks = [(name, test.name, Checks(test.expect)) for name, _, file in read for test in file.tests]

    def closed(self, buckets: Sequence[ClosedBucket]) -> None:
        """Take in what was done and judged."""
        for _, _, checks in self.checks:
            checks.closed(buckets)

    def alerted(self, alerts: Sequence[Alert]) -> None:
        """Take in what was told."""
        for _, _, checks in self.checks:
            checks.alerted(alerts)

    def evaluated(self, is_told: Callable[[Anomaly], bool]) -> None:
        """Look for what is told by its number alone."""
        for _, _, checks in self.checks:
            checks.evaluated(is_told)

    def conclude(self, junit: Path | None) -> int:
        """Say on standard error what held and what did not, write it for others, and return the exit code."""
        if not self.checks:
            return 0
        played = [Played(file, name, checks.results()) for file, name, checks in self.checks]
        click.echo("", err=True)
        for one in played:
            show(one, err=True)
        return conclude(played, junit, err=True)


def expected_of(expect: Sequence[str], files: Sequence[str], junit: Path | None) -> Expected:
    """Return what is expected of a replay of `files`, or exit and say what is wrong with it."""
    if junit and not expect:
        fail("--junit: there is nothing to write without --expect", MISCONFIGURED)
    if "-" in files and "-" in expect:
        fail("--expect: standard input is read for the records already", MISCONFIGURED)
    return Expected(read_files(expect) if expect else [])
