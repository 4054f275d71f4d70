"""The command line: each command reads its options, calls the part that does the work, and prints.

What all of them begin with is in `inputs`; learning history is in `learn`, replaying files in `replay`, suppressions
are in `suppress`, the saved state is in `state`.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version as package_version
from pathlib import Path

import click
import structlog
import yaml

from service.app import App
from service.cli.ending import Ending
from service.cli.inputs import (
    ENDED_ON_ERROR,
    MISCONFIGURED,
    UNDELIVERED,
    collect_seldom,
    config_option,
    fail,
    read_settings,
    read_state,
    snapshot_option,
)
from service.cli.learn import learn
from service.cli.printing import explanation, threshold_table
from service.cli.replay import replay
from service.cli.state import state
from service.cli.suppress import suppress
from service.clock import SystemClock
from service.core.alerting import outlook, sample_alert
from service.core.engine import UnknownActor, explain
from service.core.ports import SnapshotFenced, SourceError
from service.core.snapshot import UnreadableSnapshot
from service.monitoring import Redactor, configure
from service.settings import Settings, SettingsError, config_hash, json_schema, proxy_secrets, redacted, secrets
from service.sinks import build_sink
from service.waiting import DaemonExecutor
from service.wiring import (
    build_components,
    detectors_off,
    open_geography,
    refusals,
    unusable_secret_files,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Tell when an identity in Azure does what it does not do."""


main.add_command(learn)
main.add_command(replay)
main.add_command(state)
main.add_command(suppress)


@main.command()
@config_option
def run(path: Path | None) -> None:
    """Read the Event Hub and alert, until SIGTERM."""
    settings = read_settings(path)
    configure(
        level=settings.log.level,
        style=settings.log.format,
        redactor=Redactor([*secrets(settings), *proxy_secrets(os.environ)]),
    )
    if refused := refusals(settings, SystemClock()):
        fail("\n".join(refused), MISCONFIGURED)
    ending = Ending(settings.shutdown.grace.total_seconds(), ENDED_ON_ERROR)
    try:
        asyncio.run(serve(settings, ending))
    except SettingsError as error:
        fail("\n".join(error.lines), MISCONFIGURED)
    except (SourceError, SnapshotFenced, UnreadableSnapshot, OSError, ValueError) as error:
        structlog.get_logger("unwonted").error("ended", error=type(error).__name__, text=str(error))
        sys.exit(ENDED_ON_ERROR)
    except Exception:  # noqa: BLE001 - a traceback that Python prints would pass no redaction
        structlog.get_logger("unwonted").exception("ended_on_a_bug")
        sys.exit(ENDED_ON_ERROR)
    finally:
        ending.over()


async def serve(settings: Settings, ending: Ending) -> None:
    """Run the application until a signal asks for the end."""
    collect_seldom()
    asyncio.get_running_loop().set_default_executor(DaemonExecutor())
    stop = asyncio.Event()
    with ending.on_signals(stop):
        await App(build_components(settings)).run(stop)


@main.command("check-config")
@config_option
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the file instead, for editors.")
def check_config(path: Path | None, schema: bool) -> None:
    """Print the configuration as it takes effect, without its secrets, and say what is wrong with it.

    Exits with 2 if the service would refuse it, or would not be ready because a secret's file cannot be used.
    """
    if schema:
        click.echo(json.dumps(json_schema(), indent=2))
        return
    settings = read_settings(path)
    click.echo(yaml.safe_dump(redacted(settings), sort_keys=False, allow_unicode=True), nl=False)
    click.echo(f"# hash {config_hash(settings)}")
    refused, later = refusals(settings, SystemClock()), unusable_secret_files(settings)
    if not refused and (off := detectors_off(settings, open_geography(settings))):
        click.echo(f"# off, because geography.database names no file that would serve them: {', '.join(off)}")
    lines = [f"unwonted run would refuse this: {line}" for line in refused]
    lines += [f"unwonted run would not be ready: {line}" for line in later]
    if lines:
        fail("\n".join(lines), MISCONFIGURED)


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
    click.echo(threshold_table(outlook(engine.budget)))


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
