"""``unwonted learn``: teaches a state from history before the service starts, and says what that has come to.

Fetching and teaching are `service.learning`'s business; what is taught by files alone is read as a replay reads it.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from models.stream import RecordResult
from service.activity_log_api import ApiRefused
from service.cli.epilog import ending
from service.cli.inputs import (
    ENDED_ON_ERROR,
    MISCONFIGURED,
    NOTHING_UNDERSTOOD,
    config_option,
    configured_suppressions,
    fail,
    kept_verdicts,
    make_engine,
    max_rejected_option,
    place_of,
    read_settings,
    refuse,
)
from service.cli.printing import contents, left_out, threshold_table
from service.cli.progress import FetchProgress, Progress
from service.cli.replay import empty, sources, verdict
from service.cli.unread import Unread
from service.clock import SystemClock
from service.core.alerting import outlook
from service.core.engine import Engine
from service.core.outbox import Outbox
from service.core.ports import SnapshotFenced, SnapshotStore
from service.core.sign_in import SignInFailed
from service.core.verdicts import Verdicts
from service.documents import FileSource, Reader
from service.learning import Fetched, Spool, SpoolBusy, Taught, Teaching
from service.options import parse_duration
from service.settings import LearnSettings, Settings, SettingsError
from service.storage import Saved, State, load_newest
from service.wiring import build_snapshot_store, build_state, collect_seldom, open_history


@click.command(
    short_help="Teach 90 days of habits before the service starts.",
    epilog=ending(
        "0 learnt; 1 it could not be finished: what had been fetched is kept for the next time; 2 wrong usage or "
        "configuration, no sign-in, a file that is not there or may not be read, or there is a state already; "
        "3 nothing was understood; 4 more was rejected, or could not be read, than --max-rejected allows: nothing was "
        "saved",
        "learn --config unwonted.yaml --management-group contoso",
        "learn --config unwonted.yaml --subscription ID --days 30",
        "learn --config unwonted.yaml insights-activity-logs/",
    ),
)
@config_option
@click.argument("files", nargs=-1)
@click.option("--api/--no-api", default=None, help="Read Azure's REST API; the default, if nothing else is named.")
@click.option("--subscription", "subscriptions", multiple=True, metavar="ID", help="Only this one; may be repeated.")
@click.option("--management-group", metavar="ID", help="The subscriptions of this management group.")
@click.option("--days", type=click.IntRange(1, 90), help="How many days back; 90, if not configured.")
@click.option("--workspace", "workspaces", multiple=True, metavar="ID", help="A Log Analytics workspace; repeatable.")
@click.option("--archive", metavar="URL", help="Storage account with an archive of the activity log.")
@click.option("--archive-container", metavar="NAME", help="Its container.")
@click.option("--endpoint", metavar="URL", help="Address of Azure Resource Manager, in a sovereign cloud.")
@click.option("--spool", type=click.Path(path_type=Path, file_okay=False), help="Directory for what is fetched.")
@click.option("--give-up-after", metavar="TIME", help="How long one page may be throttled or out of reach, such as 2h.")
@click.option("--replace", is_flag=True, help="Learn again what a state has learnt; the rest of it is kept.")
@max_rejected_option
def learn(path: Path | None, files: Sequence[str], replace: bool, max_rejected: float, **given: Any) -> None:
    """Teach the service 90 days of habits before it starts: from Azure, Log Analytics, an archive, or from FILES.

    FILES are files, folders or patterns as `unwonted replay` reads them. What is fetched is kept until it has been
    learnt: interrupted at any moment, the same command goes on where it was. Nothing alerts. Stop a service that uses
    the same snapshots first.
    """
    settings = with_options(read_settings(path), given, files)
    collect_seldom()
    try:
        code = asyncio.run(Lesson(settings, files, max_rejected / 100.0).give(replace=replace))
    except ApiRefused as error:
        group = settings.learn.management_group
        which = f"are in the management group {group}" if group else "there are"
        fail(f"Azure refuses to say which subscriptions {which}: {error}", MISCONFIGURED)
    except SignInFailed as error:
        fail(f"{error}. In AKS, check the workload identity; elsewhere, run az login", MISCONFIGURED)
    except SettingsError as error:
        refuse(error.lines)
    except SnapshotFenced as error:
        fail(f"nothing was saved: {error}. Stop the service, then learn again with --replace", ENDED_ON_ERROR)
    except BrokenPipeError:
        raise  # whoever read what was learnt has gone: click ends it without a word
    except SpoolBusy as error:
        fail(str(error), ENDED_ON_ERROR)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        fail(f"cannot be finished: {where}{error.strerror or error}{kept(settings.learn)}", ENDED_ON_ERROR)
    sys.exit(code)


def kept(options: LearnSettings) -> str:
    """Say what is left of an unfinished fetch, if one was wanted and got anywhere."""
    if not fetches(options):
        return ""
    if Spool(options.spool).files():
        return f"; what was fetched is kept in {options.spool}, and the same command goes on from there"
    return "; nothing was fetched"


def with_options(settings: Settings, given: dict[str, Any], files: Sequence[str]) -> Settings:
    """Return the settings with what the command line says of learning, or exit and say what is wrong with it."""
    named = {option: value for option, value in given.items() if value not in (None, ())}
    if (files or named.keys() & {"archive", "workspaces"}) and "api" not in named:
        named["api"] = False
    if files or named.keys() & {"archive", "workspaces"}:
        named = {"archive": None, "workspaces": (), **named}
    try:
        if "give_up_after" in named:
            parse_duration(named["give_up_after"], unit=True)
    except ValueError as error:
        fail(f"--give-up-after: {error}", MISCONFIGURED)
    try:
        chosen = LearnSettings.model_validate({**settings.learn.model_dump(), **named})
    except ValidationError as error:
        lines = [
            f"--{'-'.join(map(str, one['loc'])).replace('_', '-')}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_url=False, include_input=False)
        ]
        fail("\n".join(lines), MISCONFIGURED)
    if not (files or fetches(chosen)):
        fail("there is nothing to learn from: name files, --api, --workspace or --archive", MISCONFIGURED)
    return settings.model_copy(update={"learn": chosen})


def fetches(options: LearnSettings) -> bool:
    """Whether anything has to be fetched, not only read."""
    return bool(options.api or options.workspaces or options.archive)


class Lesson:
    """One run of the command."""

    def __init__(self, settings: Settings, files: Sequence[str], allowed: float) -> None:
        self._settings = settings
        self._files = sources(files)
        self._allowed = allowed
        self._clock = SystemClock()
        self._engine = make_engine(settings)
        self._engine.suppress(configured_suppressions(settings))
        self._engine.accept(Verdicts(kept_verdicts(settings).verdicts))
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
            if not fetches(options):
                return await self._teach(state)
            with Spool(options.spool) as spool:
                return await self._teach(state, await self._fetch(spool), spool)

    async def _state(self, store: SnapshotStore, *, replace: bool) -> State:
        """Return the state that will be taught: an empty one, or the successor of the one that there is."""
        outbox = Outbox()
        state = build_state(self._settings, self._engine, outbox, store, self._clock, self._note)
        place = place_of(self._settings)
        if not replace:
            if await anext(store.load(), None) is not None:
                fail(f"{place}: there is a state already; --replace learns it again", MISCONFIGURED)
            return state

        def succeed(rows: Iterable[tuple[str, Any]]) -> None:
            self._engine.succeed(rows)
            for section, row in rows:
                if section == "outbox":
                    outbox.load(row)
                elif section == "coverage":
                    state.coverage.load(row)

        try:
            await load_newest(store, succeed, lambda one, error: click.echo(f"{place}: {one.name}: {error}", err=True))
        except ValueError as error:
            fail(f"{place}: {error}", ENDED_ON_ERROR)
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

    async def _teach(self, state: State, fetched: Fetched | None = None, spool: Spool | None = None) -> int:
        unread = Unread()
        found: list[FileSource] = [*self._files.sources, *(fetched.files if fetched else ())]
        reader = Reader(found, unread.add_problem)
        with ExitStack() as stack:
            teaching = Teaching(
                self._engine,
                now=self._clock.now(),
                on_reject=unread.add_reject,
                on_read=stack.enter_context(Progress(reader, "learning")).show,
                folder=spool.folder if spool else None,
            )
            taught = await teaching.run_aside(reader)
        summary = taught.summary
        click.echo("\n".join([*contents(summary), *unread.lines(), *empty(self._files)]), err=True)
        if not (summary.records or unread.refused):
            click.echo("there is no history: not a single record", err=True)
            return NOTHING_UNDERSTOOD
        if code := verdict(summary, unread, reader.looked_at, self._allowed):
            return code
        if await state.save() is None:
            raise OSError(f"the snapshot cannot be saved: {self._problem}")
        if fetched and fetched.broken_off:
            left = "what was fetched is kept, and learning again with --replace fetches the rest"
            click.echo(f"broken off: {', '.join(sorted(fetched.broken_off))}: {left}", err=True)
        elif spool:
            spool.clear()
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
