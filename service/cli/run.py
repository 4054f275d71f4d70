"""``unwonted run``: the service itself, and what its end is told with."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import click
import structlog

from service.app import App
from service.cli.garbage import collect_seldom
from service.cli.inputs import ENDED_ON_ERROR, MISCONFIGURED, config_option, fail, read_settings
from service.clock import SystemClock
from service.core.ports import SnapshotFenced, SourceError
from service.core.snapshot import UnreadableSnapshot
from service.monitoring import Redactor, configure
from service.settings import Settings, SettingsError, proxy_secrets, secrets
from service.wiring import build_components, refusals


@click.command()
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
    try:
        asyncio.run(serve(settings))
    except SettingsError as error:
        fail("\n".join(error.lines), MISCONFIGURED)
    except (SourceError, SnapshotFenced, UnreadableSnapshot, OSError, ValueError) as error:
        structlog.get_logger("unwonted").error("ended", error=type(error).__name__, text=str(error))
        sys.exit(ENDED_ON_ERROR)
    except Exception:  # noqa: BLE001 - a traceback that Python prints would pass no redaction
        structlog.get_logger("unwonted").exception("ended_on_a_bug")
        sys.exit(ENDED_ON_ERROR)


async def serve(settings: Settings) -> None:
    """Run the application until a signal asks for the end."""
    collect_seldom()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await App(build_components(settings)).run(stop)
