"""The command line: each command reads its options, calls the part that does the work, and prints.

What all of them begin with is in `inputs`; opening a history in a browser is in `console`, asking about an identity in
`explain`, learning history in `learn`, what could not be delivered in `outbox`, replaying files in `replay`, the sample
alert in `send_test`, suppressions in `suppress`, the saved state in `state`, going back in `unlearning`, what
alerts were found to be in `verdict`; what was seen and told in `alerts`, `incidents` and `people`.
"""

import asyncio
import json
import logging
import os
import sys
from importlib.metadata import version as package_version
from pathlib import Path

import click
import structlog
import yaml

from service.app import App
from service.cli.alerts import alerts_command
from service.cli.console import console_command
from service.cli.ending import Ending
from service.cli.explain import explain_command
from service.cli.incidents import incidents_command
from service.cli.inputs import (
    ENDED_ON_ERROR,
    MISCONFIGURED,
    READING_STATE,
    collect_seldom,
    config_option,
    ending,
    fail,
    nothing_named,
    read_settings,
    read_state,
    refuse,
    snapshot_option,
)
from service.cli.learn import learn
from service.cli.outbox import outbox
from service.cli.people import identity_command, timeline_command
from service.cli.printing import threshold_table
from service.cli.replay import replay
from service.cli.send_test import send_test
from service.cli.slips import Commands
from service.cli.state import state
from service.cli.suppress import suppress
from service.cli.unlearning import UNLEARNING
from service.cli.verdict import verdict_commands
from service.clock import SystemClock
from service.core.alerting import outlook
from service.core.ports import LeaseLost, SnapshotFenced, SourceError
from service.core.snapshot import UnreadableSnapshot
from service.monitoring import Redactor, configure
from service.settings import (
    Settings,
    SettingsError,
    by_variable,
    config_hash,
    json_schema,
    load,
    proxy_secrets,
    redacted,
    secrets,
)
from service.standby import Standby
from service.waiting import DaemonExecutor
from service.wiring import (
    build_components,
    detectors_off,
    open_geography,
    refusals,
    unusable_secret_files,
)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=ending(
        "0 all well; 1 ended by an error; 2 wrong usage or configuration; others as the help of a command says",
        "check-config --config unwonted.yaml",
        "send-test --config unwonted.yaml",
        "run --config unwonted.yaml",
        "COMMAND --help",
    ),
)
@click.version_option(package_version("unwonted"), "--version", message="unwonted %(version)s")
def main() -> None:
    """Alert when an identity in Azure does what it does not usually do."""
    # A command says itself what went wrong; Azure's libraries would print ten lines of their own before.
    logging.getLogger("azure").addHandler(logging.NullHandler())


main.add_command(console_command)
main.add_command(alerts_command)
main.add_command(explain_command)
main.add_command(identity_command)
main.add_command(incidents_command)
main.add_command(learn)
main.add_command(outbox)
main.add_command(replay)
main.add_command(send_test)
main.add_command(state)
main.add_command(suppress)
for command in UNLEARNING:
    state.add_command(command)
main.add_command(verdict_commands)
main.add_command(timeline_command)


@main.command(
    epilog=ending(
        "0 stopped on request; 1 ended by an error, which is in the last log line; 2 wrong usage or configuration",
        "run --config unwonted.yaml",
    )
)
@config_option
def run(path: Path | None) -> None:
    """Read the Event Hub and alert, until SIGTERM."""
    settings = read_settings(path)
    configure(
        level=settings.log.level,
        style=settings.log.format,
        redactor=Redactor([*secrets(settings), *proxy_secrets(os.environ)]),
        elapsed=SystemClock().elapsed,
    )
    if refused := refusals(settings, SystemClock()):
        refuse([*refused, *nothing_named(path)])
    signalled = Ending(settings.shutdown.grace.total_seconds(), ENDED_ON_ERROR)
    try:
        asyncio.run(serve(settings, signalled))
    except SettingsError as error:
        refuse(error.lines)
    except (SourceError, SnapshotFenced, LeaseLost, UnreadableSnapshot, OSError, ValueError) as error:
        structlog.get_logger("unwonted").error("ended", error=type(error).__name__, text=str(error))
        sys.exit(ENDED_ON_ERROR)
    except Exception:  # noqa: BLE001 - a traceback that Python prints would pass no redaction
        structlog.get_logger("unwonted").exception("ended_on_a_bug")
        sys.exit(ENDED_ON_ERROR)
    finally:
        signalled.over()


async def serve(settings: Settings, signalled: Ending) -> None:
    """Run the application until a signal asks for the end."""
    collect_seldom()
    asyncio.get_running_loop().set_default_executor(DaemonExecutor())
    stop = asyncio.Event()
    components = build_components(settings, announce=announce)
    with signalled.on_signals(stop):
        if components.lease is None:
            await App(components).run(stop)
        else:
            await Standby(components, components.lease).run(stop)


def announce(address: str) -> None:
    """Show whoever has started the service by hand how to get into the console; a log keeps no secrets."""
    if sys.stderr.isatty():
        click.echo(f"open {address}", err=True)


@main.command(
    "check-config",
    short_help="Show the configuration in effect, and what is wrong with it.",
    epilog=ending(
        "0 nothing is wrong; 2 the service would refuse it, or not be ready because a secret's file cannot be used",
        "check-config --config unwonted.yaml",
        "check-config --schema > unwonted.schema.json",
    ),
)
@config_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the file instead, for editors.")
def check_config(path: Path | None, schema: bool) -> None:
    """Print the configuration as it takes effect, without its secrets, and say everything that is wrong with it."""
    if schema:
        click.echo(json.dumps(json_schema(), indent=2))
        return
    try:
        settings = load(path, os.environ)
    except SettingsError as error:
        rest = refusals(error.rest, SystemClock()) if error.rest else []
        refuse([*error.lines, *filter(error.leaves_open, rest)])
    click.echo(yaml.safe_dump(redacted(settings), sort_keys=False, allow_unicode=True), nl=False)
    click.echo(f"# hash {config_hash(settings)}")
    refused, later = refusals(settings, SystemClock()), unusable_secret_files(settings)
    if not refused and (off := detectors_off(settings, open_geography(settings))):
        click.echo(f"# off, because geography.database names no file that would serve them: {', '.join(off)}")
    lines = [f"unwonted run would refuse this: {by_variable(line, os.environ)}" for line in refused]
    lines += [
        f"unwonted run would not be ready: {by_variable(line, os.environ)}"
        for problems in later.values()
        for line in problems
    ]
    if lines:
        fail("\n".join([*lines, *nothing_named(path)]), MISCONFIGURED)


@main.command(
    "budget",
    short_help="Show what each threshold and each budget would have alerted.",
    epilog=ending(READING_STATE, "budget --config unwonted.yaml", "budget --snapshot .state/snapshot.ndjson.gz"),
)
@config_option
@snapshot_option
def budget_command(path: Path | None, snapshot: Path | None) -> None:
    """Say how many identities a day each threshold and each budget would have alerted in the last four weeks."""
    engine, _ = read_state(read_settings(path), snapshot)
    click.echo(threshold_table(outlook(engine.budget)))


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"unwonted {package_version('unwonted')}")
