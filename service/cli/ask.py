"""``unwonted explain`` and ``budget``: what the saved state would think of a deed, and how often it would alert."""

from pathlib import Path

import click

from service.cli.inputs import MISCONFIGURED, config_option, fail, read_settings, read_state, snapshot_option
from service.cli.printing import explanation, threshold_table
from service.core.alerting import outlook
from service.core.engine import UnknownActor, explain


@click.command("explain")
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


@click.command("budget")
@config_option
@snapshot_option
def budget_command(path: Path | None, snapshot: Path | None) -> None:
    """Say how many identities a day each threshold and each budget would have alerted in the last four weeks."""
    engine, _ = read_state(read_settings(path), snapshot)
    click.echo(threshold_table(outlook(engine.budget)))
