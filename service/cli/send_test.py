"""``unwonted send-test``: sends a sample alert to each sink, and says of each that did not take it what to look at."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from service.cli.epilog import ending
from service.cli.inputs import MISCONFIGURED, UNDELIVERED, config_option, fail, read_settings
from service.clock import SystemClock
from service.settings import Settings
from service.wiring import send_sample


@click.command(
    "send-test",
    short_help="Send a sample alert to the sinks.",
    epilog=ending(
        "0 all took it; 2 wrong usage or configuration; 3 a sink did not take it",
        "send-test --config unwonted.yaml",
        "send-test --config unwonted.yaml --sink soc",
    ),
)
@config_option
@click.option("--sink", "names", multiple=True, help="Only this sink; may be repeated. All enabled ones otherwise.")
def send_test(path: Path | None, names: Sequence[str]) -> None:
    """Send a sample alert, marked as a test, to see that it arrives and what it looks like."""
    settings = read_settings(path)
    there = ", ".join(sorted(settings.sinks)) or "none"
    if unknown := sorted(set(names) - settings.sinks.keys()):
        fail(f"no sink is called {', '.join(unknown)}; there are {there}", MISCONFIGURED)
    chosen = names or [name for name, one in sorted(settings.sinks.items()) if one.enabled]
    if not chosen:
        fail(f"no sink is enabled; there are {there}: name one with --sink", MISCONFIGURED)
    sys.exit(0 if asyncio.run(send_samples(settings, chosen)) else UNDELIVERED)


async def send_samples(settings: Settings, names: Sequence[str]) -> bool:
    """Send the sample to each sink once; returns whether all took it."""
    clock = SystemClock()
    delivered = True
    for name in names:
        try:
            sent = await send_sample(name, settings.sinks[name], clock)
        except Exception as error:  # noqa: BLE001 - the sinks after it are to be tried as well; no text: it may hold a secret
            click.echo(
                f"{name}: not sent, by a fault of this program ({type(error).__name__}): please report it", err=True
            )
            delivered = False
            continue
        click.echo(f"{name}: {sent.said}", err=True)
        delivered = delivered and sent.taken
    return delivered
