"""The command line: each command reads its options, calls the part that does the work, and prints.

What all of them begin with is `command_line`'s; those about suppressions are in `suppress_command`.
"""

import asyncio
import gc
import json
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from importlib.metadata import version as package_version
from pathlib import Path

import click
import structlog
import yaml

from service.app import App
from service.cli.inputs import (
    FAILED,
    MISCONFIGURED,
    UNDELIVERED,
    config_option,
    configured_suppressions,
    fail,
    make_engine,
    read_settings,
    read_state,
    snapshot_option,
    suppressions_option,
)
from service.cli.printing import alert_writer, cell_writer, explanation, sensitivity, totals
from service.cli.suppress import suppress
from service.clock import SystemClock
from service.core.alerting import outlook, sample_alert
from service.core.engine import UnknownActor, explain, inspect
from service.core.ports import SnapshotFenced, SourceError
from service.core.snapshot import UnreadableSnapshot
from service.monitoring import Redactor, configure
from service.replay import Lines, Replay
from service.settings import Settings, SettingsError, config_hash, json_schema, redacted, secrets
from service.sinks import StdoutSink, build_sink
from service.wiring import (
    build_components,
    detectors_off,
    open_geography,
    source_options,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Tell when an identity in Azure does what it does not do."""


main.add_command(suppress)


@main.command()
@config_option
def run(path: Path | None) -> None:
    """Read the Event Hub and alert, until SIGTERM."""
    settings = read_settings(path)
    configure(level=settings.log.level, style=settings.log.format, redactor=Redactor(secrets(settings)))
    try:
        asyncio.run(serve(settings))
    except SettingsError as error:
        fail("\n".join(error.lines), MISCONFIGURED)
    except (SourceError, SnapshotFenced, UnreadableSnapshot, OSError, ValueError) as error:
        structlog.get_logger("unwonted").error("ended", error=type(error).__name__, text=str(error))
        sys.exit(FAILED)
    except Exception:  # noqa: BLE001 - a traceback that Python prints would pass no redaction
        structlog.get_logger("unwonted").exception("ended_on_a_bug")
        sys.exit(FAILED)


def collect_seldom() -> None:
    """Let the garbage collector look at young objects mostly.

    What the models remember is freed by counting references; a full collection would find nothing in it, and hold
    everything up for a second where there are very many identities.
    """
    gc.set_threshold(20_000, 10, 1_000)


async def serve(settings: Settings) -> None:
    """Run the application until a signal asks for the end."""
    collect_seldom()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await App(build_components(settings)).run(stop)


@main.command("check-config")
@config_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the file instead, for editors.")
def check_config(path: Path | None, schema: bool) -> None:
    """Say what is wrong with the configuration, or print it as it takes effect, without its secrets."""
    if schema:
        click.echo(json.dumps(json_schema(), indent=2))
        return
    settings = read_settings(path)
    configured_suppressions(settings)
    click.echo(yaml.safe_dump(redacted(settings), sort_keys=False, allow_unicode=True), nl=False)
    click.echo(f"# hash {config_hash(settings)}")
    problems: list[str] = []
    try:
        if off := detectors_off(settings, open_geography(settings)):
            click.echo(f"# off, because geography.database names no file that would serve them: {', '.join(off)}")
    except SettingsError as error:
        problems += error.lines
    try:
        source_options(settings)
    except SettingsError as error:
        problems += error.lines
    if problems:
        click.echo("\n".join(f"unwonted run would refuse this: {line}" for line in problems), err=True)


@main.command()
@config_option
@click.argument("files", nargs=-1, required=True)
@click.option("--anomalies", type=click.Path(dir_okay=False, path_type=Path), help="Write every judged cell here.")
@click.option("--alerts", type=click.Path(dir_okay=False, path_type=Path), help="Write the alerts here, as JSON.")
@suppressions_option
@click.option("--quiet", is_flag=True, help="Do not print the alerts.")
def replay(
    files: Sequence[str],
    path: Path | None,
    anomalies: Path | None,
    alerts: Path | None,
    suppressions: Path | None,
    quiet: bool,
) -> None:
    """Print the alerts that FILES would have caused: records or envelopes, one a line, .gz or not, - for stdin.

    Time is that of the records. The same files give the same bytes.
    """
    settings = read_settings(path)
    engine = make_engine(settings)
    engine.suppress(configured_suppressions(settings, suppressions))
    collect_seldom()
    with ExitStack() as stack:
        try:
            sources = [stack.enter_context(closing(Lines(name))) for name in files]
            cells = stack.enter_context(anomalies.open("wb")) if anomalies else None
            told = stack.enter_context(alerts.open("wb")) if alerts else None
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}", MISCONFIGURED)
        writers = [] if quiet else [(sys.stdout.buffer, StdoutSink("stdout", sys.stdout.buffer))]
        if told:
            writers.append((told, StdoutSink("alerts", told, style="ndjson")))
        driver = Replay(
            engine,
            every=settings.schedule.every,
            on_scored=cell_writer(cells, lambda one: engine.unusual(one) or engine.alerts.told(one))
            if cells
            else lambda scored: None,
            on_alerts=alert_writer(writers),
            on_reject=lambda reject: None,
            on_read=stack.enter_context(progress(sources)),
        )
        try:
            summary = driver.run(sources)
        except OSError as error:
            fail(str(error), FAILED)
        sys.stdout.buffer.flush()
    click.echo(totals(summary), err=True)
    if engine.suppressed.counts:
        kept = sum(one.findings for one in engine.suppressed.counts.values())
        click.echo(f"{kept:,} finding{'s' if kept > 1 else ''} suppressed", err=True)
    if summary.scored:
        click.echo(f"\n{sensitivity(outlook(engine.budget))}", err=True)


class progress:  # noqa: N801 - used as a function
    """A bar on a terminal's standard error, and nothing elsewhere."""

    def __init__(self, sources: Sequence[Lines]) -> None:
        self._sources = sources
        total = sum(source.size for source in sources)
        self._bar = click.progressbar(length=total, file=sys.stderr, hidden=not sys.stderr.isatty() or not total)

    def __enter__(self) -> Callable[[], None]:
        self._bar.__enter__()
        return lambda: self._bar.update(sum(source.position for source in self._sources) - self._bar.pos)

    def __exit__(self, *error: object) -> None:
        self._bar.render_finish()


@main.command("explain")
@config_option
@snapshot_option
@click.argument("actor")
@click.argument("action")
@click.option("--failed", is_flag=True, help="As if it had been denied.")
def explain_command(path: Path | None, snapshot: Path | None, actor: str, action: str, failed: bool) -> None:
    """Say what would be thought of ACTOR (name or id) doing ACTION once, and why."""
    engine, _ = read_state(read_settings(path), snapshot)
    try:
        answer = explain(engine, actor, action, failed=failed)
    except UnknownActor as error:
        fail(str(error), MISCONFIGURED)
    click.echo(explanation(answer))


@main.command("budget")
@config_option
@snapshot_option
def budget_command(path: Path | None, snapshot: Path | None) -> None:
    """Say how many identities a day each threshold and each budget would have alerted in the last four weeks."""
    engine, _ = read_state(read_settings(path), snapshot)
    click.echo(sensitivity(outlook(engine.budget)))


@main.group()
def state() -> None:
    """Look into the saved state."""


@state.command("inspect")
@config_option
@snapshot_option
def inspect_command(path: Path | None, snapshot: Path | None) -> None:
    """Sum up a snapshot as JSON: positions, watermark, what the detectors hold, what is on its way."""
    engine, rows = read_state(read_settings(path), snapshot)
    click.echo(json.dumps(inspect(engine, rows), indent=2, ensure_ascii=False))


@main.command("send-test")
@config_option
@click.option("--sink", "names", multiple=True, help="Only this sink; may be repeated. All enabled ones otherwise.")
def send_test(path: Path | None, names: Sequence[str]) -> None:
    """Send a sample alert, marked as a test, to see that it arrives and what it looks like."""
    settings = read_settings(path)
    unknown = sorted(set(names) - settings.sinks.keys())
    if unknown:
        fail(f"no sink is called {', '.join(unknown)}; there are {', '.join(sorted(settings.sinks))}", MISCONFIGURED)
    chosen = names or [name for name, one in sorted(settings.sinks.items()) if one.enabled]
    sys.exit(0 if asyncio.run(send_samples(settings, chosen)) else UNDELIVERED)


async def send_samples(settings: Settings, names: Sequence[str]) -> bool:
    """Send the sample to each sink once; returns whether all took it."""
    clock = SystemClock()
    delivered = True
    for name in names:
        sink = build_sink(name, settings.sinks[name], clock)
        for message in sink.render([sample_alert(clock.now())]):
            receipt = await sink.send(message)
            said = "not delivered; the service would try again" if receipt.outcome == "retry" else receipt.outcome
            click.echo(f"{name}: {said}" + (f" ({receipt.reason})" if receipt.reason else ""), err=True)
            delivered = delivered and receipt.outcome == "sent"
        await sink.close()
    return delivered


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"unwonted {package_version('unwonted')}")
