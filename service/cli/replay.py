"""``unwonted replay``: says which alerts files would have caused, what the files were, and what in them was not read.

Reading is `service.documents`' business, ordering and judging `service.replay`'s.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar, get_args

import click

from service.cli.epilog import ending
from service.cli.expected import Expected, expected_of, junit_option
from service.cli.inputs import (
    ENDED_ON_ERROR,
    MISCONFIGURED,
    NOTHING_UNDERSTOOD,
    TOO_MUCH_REJECTED,
    config_option,
    configured_suppressions,
    fail,
    make_engine,
    max_rejected_option,
    read_settings,
    suppressions_option,
)
from service.cli.printing import alert_writer, cell_writer, contents, recall_table, threshold_table, totals
from service.cli.progress import Progress
from service.cli.unread import Unread
from service.core.alerting import outlook
from service.core.engine import ClosedBucket, Engine, Evaluation
from service.core.parsing import LeftOut
from service.core.shadow import Shadows
from service.documents import Found, Reader, find
from service.replay import Order, Replay, Summary
from service.settings import Settings
from service.sinks import StdoutSink
from service.wiring import collect_seldom

if TYPE_CHECKING:
    from service.history import Recorder

Told = TypeVar("Told")

HISTORY_WITHIN = 60.0
"""Seconds that a disk may take for the last entries of a history."""

SHADOW_ATTACKS = 5  # of each kind in an hour, where the configuration wants none of the service


@click.command(
    short_help="Show the alerts that recorded logs would have caused.",
    epilog=ending(
        "0 all well; 1 it could not be finished, or something expected did not hold; "
        "2 wrong usage or configuration, or a file that is not there or may "
        "not be read; 3 nothing in the files was understood; 4 more was rejected, or could not be read, than "
        "--max-rejected allows",
        "replay yesterday.ndjson.gz",
        "replay --config unwonted.yaml --quiet --alerts alerts.ndjson insights-activity-logs/",
        "replay --history week.sqlite week.ndjson.gz",
        "replay --quiet --serve week.ndjson.gz",
        "replay --quiet --expect rules.yaml week.ndjson.gz",
        "replay - < activity.json",
    ),
)
@config_option
@click.argument("files", nargs=-1, required=True)
@click.option("--anomalies", type=click.Path(dir_okay=False, path_type=Path), help="Write every judged cell here.")
@click.option("--alerts", type=click.Path(dir_okay=False, path_type=Path), help="Write the alerts here, as JSON.")
@click.option(
    "--history", type=click.Path(dir_okay=False, path_type=Path), help="Write a history here, or add to the one there."
)
@click.option("--serve", is_flag=True, help="Show the result in a browser then, until Ctrl-C.")
@suppressions_option
@click.option("--quiet", is_flag=True, help="Do not print the alerts.")
@click.option(
    "--order",
    type=click.Choice(get_args(Order)),
    default="auto",
    show_default=True,
    help="Take records by their time, or as they stand in the files; auto takes one file of lines that was recorded as "
    "it arrived as it stands, and everything else by time.",
)
@click.option(
    "--expect",
    multiple=True,
    metavar="FILE",
    help="Hold the result against what this file of detection tests expects; may be given several times.",
)
@junit_option
@click.option(
    "--shadow", is_flag=True, help="Imagine attacks as well, in silence, and print how many would have been told of."
)
@max_rejected_option
def replay(
    files: Sequence[str],
    path: Path | None,
    anomalies: Path | None,
    alerts: Path | None,
    history: Path | None,
    serve: bool,
    suppressions: Path | None,
    quiet: bool,
    order: Order,
    expect: Sequence[str],
    junit: Path | None,
    shadow: bool,
    max_rejected: float,
) -> None:
    """Print the alerts that FILES would have caused: files, folders, patterns, or - for standard input.

    What they are is found out by looking: lines, arrays and envelopes of records, what az, the portal, Log Analytics,
    Elastic and Splunk export, Event Hubs Capture, Parquet, each packed or not. Time is that of the records. The same
    files give the same bytes.
    """
    expected = expected_of(expect, files, junit)
    settings = read_settings(path)
    engine = make_engine(settings)
    engine.suppress(configured_suppressions(settings, suppressions))
    if shadow:
        engine.shadows = Shadows(settings.shadow.attacks or SHADOW_ATTACKS)
    collect_seldom()
    unread = Unread()
    found = sources(files)
    with ExitStack() as stack:
        try:
            cells = stack.enter_context(anomalies.open("wb")) if anomalies else None
            told = stack.enter_context(alerts.open("wb")) if alerts else None
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}", MISCONFIGURED)
        writers = [] if quiet else [(sys.stdout.buffer, StdoutSink("stdout", sys.stdout.buffer))]
        if told:
            writers.append((told, StdoutSink("alerts", told, style="ndjson")))
        if serve and history is None:
            history = Path(stack.enter_context(TemporaryDirectory(prefix="unwonted-replay-"))) / "history.sqlite"
        recorder = history_recorder(history, settings) if history else None
        reader = Reader(found.sources, unread.add_problem)
        driver = Replay(
            engine,
            every=settings.schedule.every,
            on_scored=cell_writer(cells, lambda one: engine.unusual(one) or engine.alerts.told(one))
            if cells
            else lambda scored: None,
            on_alerts=all_told(alert_writer(writers), expected.alerted),
            on_reject=unread.add_reject,
            on_read=stack.enter_context(Progress(reader)).show,
            order=order,
            on_closed=closed_told(recorder, expected),
            on_evaluated=evaluation_told(recorder, expected, engine),
        )
        try:
            summary = driver.run(reader)
            if recorder:
                recorder.close(HISTORY_WITHIN)
        except BrokenPipeError:
            raise  # whoever read the alerts has gone: click ends it without a word
        except OSError as error:
            fail(f"cannot be finished: {error}", ENDED_ON_ERROR)
        sys.stdout.buffer.flush()
        report(summary, engine, unread, found)
        if shadow:
            click.echo(f"\n{recall_table(engine.shadows.recall)}", err=True)
        code = verdict(summary, unread, reader.looked_at, max_rejected / 100.0)
        code = max(code, expected.conclude(junit))  # what was not read weighs more than what did not hold
        if serve and history and history.exists():
            from service.cli.console import serve_history  # noqa: PLC0415 - pages are seldom asked for

            serve_history(history, settings)
    sys.exit(code)


def report(summary: Summary, engine: Engine, unread: Unread, found: Found) -> None:
    """Say what was read, what was not, what was kept back, and what thresholds would have come to."""
    click.echo("\n".join([*contents(summary), *unread.lines(), *empty(found), totals(summary)]), err=True)
    if engine.suppressed.counts:
        kept = sum(one.findings for one in engine.suppressed.counts.values())
        click.echo(f"{kept:,} finding{'s' if kept > 1 else ''} suppressed", err=True)
    if summary.scored:
        click.echo(f"\n{threshold_table(outlook(engine.budget))}", err=True)


def history_recorder(file: Path, settings: Settings) -> "Recorder":
    """Return what writes a history into `file`, as it is read and not beside it."""
    # Here, because it comes with the log, which a replay without a history has no use for.
    from service.history import HistoryFile, Recorder  # noqa: PLC0415
    from service.wiring import history_limits  # noqa: PLC0415

    return Recorder(HistoryFile(file, history_limits(settings.history)), patient=True)


def all_told(*listeners: Callable[[Told], None]) -> Callable[[Told], None]:
    """Return what tells each of them, in their order."""

    def tell(news: Told) -> None:
        for listener in listeners:
            listener(news)

    return tell


def closed_told(recorder: "Recorder | None", expected: Expected) -> Callable[[Sequence[ClosedBucket]], None] | None:
    """Return what takes buckets that were closed; None if nobody does, and they need not be kept."""
    takers = [*([recorder.record] if recorder else []), *([expected.closed] if expected.checks else [])]
    return all_told(*takers) if takers else None


def evaluation_told(recorder: "Recorder | None", expected: Expected, engine: Engine) -> Callable[[Evaluation], None]:
    """Return what takes what an evaluation came to."""

    def tell(evaluation: Evaluation) -> None:
        if recorder:
            recorder.record([*evaluation.alerts, *evaluation.suppressed])
        expected.evaluated(engine.alerts.told)

    return tell


def sources(files: Sequence[str]) -> Found:
    """Return the files that are meant, or exit and name the one that is not there."""
    try:
        return find(files)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", MISCONFIGURED)


def empty(found: Found) -> list[str]:
    """Say which folders hold no file."""
    return [f"no files: {folder}" for folder in found.empty]


def verdict(summary: Summary, unread: Unread, documents: int, allowed: float) -> int:
    """Return the exit code, having said why if it is not 0."""
    if not summary.records and unread.refused and unread.refused == documents:
        click.echo("none of these files may be read", err=True)
        return MISCONFIGURED
    if summary.records - summary.rejects - summary.left_out.get(LeftOut.UNKNOWN, 0) <= 0:
        click.echo("nothing in these files was understood as the Activity Log", err=True)
        return NOTHING_UNDERSTOOD
    rejected = (summary.rejects + unread.records) / (summary.records + unread.records)
    unreadable = unread.documents / max(documents, 1)
    for share, of in ((rejected, "records were rejected"), (unreadable, "files could not be read to their end")):
        if share > allowed:
            click.echo(f"{share:.1%} of the {of}: more than the {allowed:.1%} of --max-rejected", err=True)
            return TOO_MUCH_REJECTED
    return 0
