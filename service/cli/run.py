"""``unwonted run``: the service itself, and what its end is told with."""

import asyncio
import os
import sys
from pathlib import Path

import click
import structlog

from service.app import App
from service.cli.ending import Ending
from service.cli.epilog import ending
from service.cli.inputs import ENDED_ON_ERROR, config_option, nothing_named, read_settings, refuse
from service.clock import SystemClock
from service.core.ports import LeaseLost, SnapshotFenced, SourceError
from service.core.snapshot import UnreadableSnapshot
from service.monitoring import Redactor, configure
from service.settings import Settings, SettingsError, proxy_secrets, secrets
from service.standby import Standby
from service.waiting import DaemonExecutor
from service.wiring import build_components, collect_seldom, refusals


@click.command(
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
