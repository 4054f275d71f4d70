"""``unwonted budget``: how often each threshold and each budget would have alerted, by what the saved state knows."""

from pathlib import Path

import click

from service.cli.epilog import ending
from service.cli.inputs import READING_STATE, config_option, read_settings, read_state, snapshot_option
from service.cli.printing import threshold_table
from service.core.alerting import outlook


@click.command(
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
