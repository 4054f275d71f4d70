"""``unwonted check-config``: the configuration as it takes effect, and everything that is wrong with it."""

import json
import os
from pathlib import Path

import click
import yaml

from service.cli.epilog import ending
from service.cli.inputs import MISCONFIGURED, config_option, fail, nothing_named, refuse
from service.clock import SystemClock
from service.owners import UnusableOwners
from service.settings import SettingsError, by_variable, config_hash, json_schema, load, redacted
from service.wiring import (
    detectors_off,
    open_geography,
    owners_file,
    refusals,
    unusable_secret_files,
    unusable_sign_in_files,
)


@click.command(
    "check-config",
    short_help="Show the configuration in effect, and what is wrong with it.",
    epilog=ending(
        "0 nothing is wrong; 2 the service would refuse it, or a secret's file cannot be used",
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
    try:
        for reason in owners_file(settings).reasons:
            click.echo(f"# owners.file: rejected: {reason}")
    except UnusableOwners as error:
        click.echo(f"# owners.file: {error}")
    lines = [f"unwonted run would refuse this: {by_variable(line, os.environ)}" for line in refused]
    lines += [
        f"unwonted run would not be ready: {by_variable(line, os.environ)}"
        for problems in later.values()
        for line in problems
    ]
    lines += [
        f"unwonted run would let nobody into the console: {by_variable(line, os.environ)}"
        for line in unusable_sign_in_files(settings)
    ]
    if lines:
        fail("\n".join([*lines, *nothing_named(path)]), MISCONFIGURED)
