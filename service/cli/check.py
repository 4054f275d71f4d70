"""``unwonted check-config`` and ``send-test``: whether the configuration would do, and whether alerts would arrive."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import yaml

from service.cli.inputs import MISCONFIGURED, UNDELIVERED, config_option, fail, read_settings
from service.clock import SystemClock
from service.core.alerting import sample_alert
from service.settings import Settings, config_hash, json_schema, redacted
from service.sinks import build_sink
from service.wiring import detectors_off, open_geography, refusals, unusable_secret_files


@click.command("check-config")
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


@click.command("send-test")
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
