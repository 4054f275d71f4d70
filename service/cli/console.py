"""``unwonted console``: opens a history that is there, without any service; and what ``replay --serve`` ends with.

What the pages say and who may see them is `service.console`'s business.
"""

import asyncio
import signal
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from service.cli.epilog import ending
from service.cli.inputs import ENDED_ON_ERROR, MISCONFIGURED, config_option, fail, read_settings
from service.clock import SystemClock
from service.console import Console, Live, TokenSignIn
from service.history import History, NoHistory
from service.monitoring import Redactor, configure
from service.options import LOOPBACK
from service.settings import ConsoleSettings, Settings
from service.waiting import DaemonExecutor
from service.wiring import history_path, owners_configured, thresholds_configured

_HOUR = timedelta(hours=1)


@click.command(
    "console",
    short_help="Open the pages of a history in a browser.",
    epilog=ending(
        "0 stopped on request; 1 nobody can listen there; 2 wrong usage or configuration, or no history there",
        "console --config unwonted.yaml",
        "console --history week.sqlite",
    ),
)
@config_option
@click.option(
    "--history",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The history to show; the configured one, if not given.",
)
def console_command(path: Path | None, file: Path | None) -> None:
    """Serve the pages of a history on this machine until Ctrl-C, and print the address that lets in."""
    settings = read_settings(path)
    chosen = file or history_path(settings)
    if chosen is None:
        fail("there is no history: name one with --history", MISCONFIGURED)
    try:
        History(chosen).span()
    except NoHistory as error:
        fail(str(error), MISCONFIGURED)
    serve_history(chosen, settings)


def serve_history(path: Path, settings: Settings) -> None:
    """Serve the history in a file until Ctrl-C; on another port, if the configured one is taken."""
    configure(level="warning", redactor=Redactor([]))
    try:
        live = Live(thresholds_configured(settings), owners=owners_configured(settings))
        asyncio.run(_serve(path, settings.console, live))
    except OSError as error:
        fail(f"cannot be served: {error}", ENDED_ON_ERROR)


async def _serve(path: Path, options: ConsoleSettings, live: Live) -> None:
    loop, stop, clock = asyncio.get_running_loop(), asyncio.Event(), SystemClock()
    loop.set_default_executor(DaemonExecutor())
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with History(path) as history, TemporaryDirectory(prefix="unwonted-console-") as folder:
        newest = span[1] if (span := history.span()) else clock.now()

        def open_on(port: int) -> Console:
            lasts, idle = options.session.total_seconds(), options.idle.total_seconds()
            sign_in = TokenSignIn(clock, Path(folder) / "token", lasts, idle)
            return Console(
                lambda: history,
                clock,
                sign_in,
                # For whoever has typed the command: where the service would listen for others, this does not.
                host=options.host if options.host in LOOPBACK else "127.0.0.1",
                port=port,
                version=version("unwonted"),
                now=lambda: newest + _HOUR,
                live=lambda: live,
                announce=lambda address: click.echo(f"\nopen {address}\nCtrl-C ends it", err=True),
            )

        console = open_on(options.port)
        try:
            await console.start()
        except OSError:
            console = open_on(0)
            await console.start()
        await stop.wait()
        await console.stop()
