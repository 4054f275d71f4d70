"""``unwonted learn``: teaches a state from history before the service starts, and says what that has come to.

Fetching and teaching are `service.learning`'s business; what is taught by files alone is read as a replay reads it.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from models.stream import RecordResult
from service.activity_log_api import ApiRefused
from service.cli.garbage import collect_seldom
from service.cli.inputs import (
    ENDED_ON_ERROR,
    MISCONFIGURED,
    NOTHING_UNDERSTOOD,
    config_option,
    configured_suppressions,
    fail,
    make_engine,
    newest_readable,
    read_settings,
)
from service.cli.printing import contents, left_out, threshold_table
from service.cli.replay import Progress, empty, sources, verdict
from service.cli.unread import Unread
from service.clock import SystemClock
from service.core.alerting import outlook
from service.core.engine import Engine
from service.core.outbox import Outbox
from service.core.ports import SnapshotFenced, SnapshotStore
from service.documents import FileSource, Reader
from service.learning import Fetched, Piece, Spool, Taught, Teaching
from service.settings import LearnSettings, Settings
from service.storage import Saved, State
from service.wiring import build_snapshot_store, build_state, open_history


@click.command(
    epilog="Exit codes: 0 learnt; 1 it could not be finished, and what was fetched is kept for the next time; 2 wrong "
    "usage or configuration, or there is a state already; 3 nothing was understood; 4 more was rejected, or could not "
    "be read, than --max-rejected allows: nothing was saved."
)
@config_option
@click.argument("files", nargs=-1)
@click.option("--api/--no-api", default=None, help="Read Azure's REST API; the default, if nothing else is named.")
@click.option("--subscription", "subscriptions", multiple=True, metavar="ID", help="Only this one; may be repeated.")
@click.option("--management-group", metavar="ID", help="The subscriptions of this management group.")
@click.option("--days", type=click.IntRange(1, 90), help="How many days back; 90, if not configured.")
@click.option("--archive", metavar="URL", help="Storage account with an archive of the activity log.")
@click.option("--archive-container", metavar="NAME", help="Its container.")
@click.option("--endpoint", metavar="URL", help="Address of Azure Resource Manager, in a sovereign cloud.")
@click.option("--spool", type=click.Path(path_type=Path, file_okay=False), help="Directory for what is fetched.")
@click.option("--give-up-after", metavar="TIME", help="How long one page may be throttled or out of reach, such as 2h.")
@click.option("--replace", is_flag=True, help="Learn anew what a state has learnt; the rest of it is kept.")
@click.option(
    "--max-rejected",
    type=click.FloatRange(0.0, 100.0),
    default=5.0,
    show_default=True,
    metavar="PERCENT",
    help="Exit with 4 if more of the records are rejected, or more of the files cannot be read.",
)
def learn(path: Path | None, files: Sequence[str], replace: bool, max_rejected: float, **given: Any) -> None:
    """Teach the service 90 days of habits before it starts: from Azure, from an archive, or from FILES.

    FILES are files, folders or patterns as `unwonted replay` reads them. What is fetched is kept until it has been
    learnt: interrupted at any moment, the same command goes on where it was. Nothing alerts. Stop a service that uses
    the same snapshots first.
    """
    settings = with_options(read_settings(path), given, files)
    collect_seldom()
    try:
        code = asyncio.run(Lesson(settings, files, max_rejected / 100.0).give(replace=replace))
    except ApiRefused as error:
        fail(f"Azure refuses to say which subscriptions there are: {error}", MISCONFIGURED)
    except SnapshotFenced as error:
        fail(f"nothing was saved: {error}. Stop the service, then learn again with --replace", ENDED_ON_ERROR)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail(f"cannot be finished: {where}{error.strerror or error}; what was fetched is kept", ENDED_ON_ERROR)
    sys.exit(code)


def with_options(settings: Settings, given: dict[str, Any], files: Sequence[str]) -> Settings:
    """Return the settings with what the command line says of learning, or exit and say what is wrong with it."""
    named = {option: value for option, value in given.items() if value not in (None, ())}
    if (files or "archive" in named) and "api" not in named:
        named["api"] = False
    if files and "archive" not in named:
        named["archive"] = None
    try:
        chosen = LearnSettings.model_validate({**settings.learn.model_dump(), **named})
    except ValidationError as error:
        lines = [
            f"--{'-'.join(map(str, one['loc'])).replace('_', '-')}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_url=False, include_input=False)
        ]
        fail("\n".join(lines), MISCONFIGURED)
    if not (files or chosen.api or chosen.archive):
        fail("there is nothing to learn from: name files, --api or --archive", MISCONFIGURED)
    return settings.model_copy(update={"learn": chosen})


class Lesson:
    """One run of the command."""

    def __init__(self, settings: Settings, files: Sequence[str], allowed: float) -> None:
        self._settings = settings
        self._files = sources(files)
        self._allowed = allowed
        self._clock = SystemClock()
        self._engine = make_engine(settings)
        self._engine.suppress(configured_suppressions(settings))
        self._problem = ""

    async def give(self, *, replace: bool) -> int:
        """Fetch, teach, save and tell; returns the exit code.

        Raises
        ------
        ApiRefused, SnapshotFenced, OSError
            Nothing has been saved.
        """
        async with AsyncExitStack() as resources:
            store = build_snapshot_store(self._settings, resources)
            state = await self._state(store, replace=replace)
            options = self._settings.learn
            if not (options.api or options.archive):
                return await self._teach(state, None, None)
            with Spool(options.spool) as spool:
                fetched = await self._fetch(spool)
                code = await self._teach(state, fetched, options.spool)
                if code == 0:
                    spool.clear()
                return code

    async def _state(self, store: SnapshotStore, *, replace: bool) -> State:
        """Return the state that will be taught: an empty one, or the successor of the one that there is."""
        outbox = Outbox()
        state = build_state(self._settings, self._engine, outbox, store, self._clock, self._note)
        generations = await store.load()
        if not generations:
            return state
        place = self._settings.snapshots
        name = str(place.blob if place.kind == "blob" else place.path)
        if not replace:
            fail(f"{name}: there is a state already; --replace learns it anew", MISCONFIGURED)
        rows: list[tuple[str, Any]] = newest_readable(generations, name)
        try:
            self._engine.succeed(rows)
            for section, row in rows:
                if section == "outbox":
                    outbox.load(row)
                elif section == "coverage":
                    state.coverage.load(row)
        except ValueError as error:
            fail(f"{name}: {error}", ENDED_ON_ERROR)
        return state

    def _note(self, saved: Saved) -> None:
        self._problem = saved.reason

    async def _fetch(self, spool: Spool) -> Fetched:
        with FetchProgress() as progress:
            async with open_history(self._settings.learn, self._clock, progress.wait) as history:
                fetched = await history.fetch(spool, progress.plan, progress.piece)
        resumed = f", {fetched.resumed:,} pieces from before" if fetched.resumed else ""
        click.echo(f"fetched {fetched.records:,} records in {fetched.fetched:,} pieces{resumed}", err=True)
        for origin, reason in sorted(fetched.refused.items()):
            click.echo(f"cannot be read, and is left out: {origin} ({reason})", err=True)
        return fetched

    async def _teach(self, state: State, fetched: Fetched | None, folder: Path | None) -> int:
        unread = Unread()
        found: list[FileSource] = [*self._files.sources, *(fetched.files if fetched else ())]
        reader = Reader(found, unread.add_problem)
        with ExitStack() as stack:
            teaching = Teaching(
                self._engine,
                now=self._clock.now(),
                on_reject=unread.add_reject,
                on_read=stack.enter_context(Progress(reader, "learning")).show,
                folder=folder,
            )
            taught = await teaching.run_aside(reader)
        summary = taught.summary
        click.echo("\n".join([*contents(summary), *unread.lines(), *empty(self._files)]), err=True)
        if not summary.records:
            click.echo("there is no history: not a single record", err=True)
            return NOTHING_UNDERSTOOD
        if code := verdict(summary, unread, reader.looked_at, self._allowed):
            return code
        if await state.save() is None:
            raise OSError(f"the snapshot cannot be saved: {self._problem}")
        click.echo("\n".join(learnt(self._engine, taught, fetched)))
        return 0


def learnt(engine: Engine, taught: Taught, fetched: Fetched | None) -> Iterator[str]:
    """Yield the lines that say what an engine has learnt, and what it would have alerted."""
    summary = taught.summary
    days = (summary.last - summary.first).total_seconds() / 86_400 if summary.first and summary.last else 0.0
    kinds = Counter(actor.kind.replace("_", " ") for actor in engine.people.values())
    yield f"records         {summary.records:,} over {days:.1f} days, {summary.rejects:,} rejected, {left_out(summary)}"
    yield f"operations      {summary.results.get(RecordResult.OPERATION, 0):,} of {taught.actions:,} kinds"
    by_kind = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    yield f"identities      {len(engine.people):,}" + (f": {by_kind}" if kinds else "")
    if fetched is not None:
        yield f"origins         {fetched.origins:,}, {len(fetched.refused):,} of them could not be read"
    for name, detector in engine.detectors.items():
        yield f"{name:15} {detector.memory().warmth:.0%} warm"
    yield ""
    yield threshold_table(outlook(engine.budget))


class FetchProgress:
    """Shows how fetching goes: a bar on a terminal, a line for each tenth otherwise; waiting is told once a reason."""

    def __init__(self) -> None:
        self._total = self._done = self._records = 0
        self._told: set[str] = set()
        self._bar: click._termui_impl.ProgressBar[int] | None = None

    def __enter__(self) -> "FetchProgress":
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.render_finish()

    def plan(self, pieces: int) -> None:
        """Take note of how many pieces there will be."""
        self._total = pieces
        if sys.stderr.isatty() and pieces:
            self._bar = click.progressbar(length=pieces, label="fetching", file=sys.stderr, show_eta=True)

    def piece(self, piece: Piece, records: int) -> None:
        """Take note of a piece that is done."""
        self._done += 1
        self._records += records
        if self._bar is not None:
            self._bar.update(1)
        elif self._done % max(1, self._total // 10 or 1_000) == 0:
            of = f" of {self._total:,}" if self._done <= self._total else ""
            click.echo(f"fetching: {self._done:,}{of} pieces, {self._records:,} records", err=True)

    def wait(self, seconds: float, why: str) -> None:
        """Say, once a reason, that Azure makes us wait."""
        if why not in self._told:
            self._told.add(why)
            what = "Azure throttles (429)" if why == "429" else f"no answer ({why})"
            click.echo(f"{what}: waiting {seconds:.0f} s, and again as often as need be", err=True)
