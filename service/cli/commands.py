"""The command line's first word: which commands there are, each in a module that is imported when it is used.

What commands need (the SDKs of Azure, pydantic, the detectors) takes a second or two to import. ``--help`` needs none
of it, and so what the list says of each command is written down here. What all of them begin with is in `inputs`.
"""

import logging
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version as package_version
from typing import NamedTuple

import click

from service.cli.epilog import ending
from service.cli.importing import collect_nothing
from service.cli.slips import Commands


class Listed(NamedTuple):
    """A command: where it is defined, as ``module:name`` in `service.cli`, and what the list says of it."""

    where: str
    summary: str


LISTED = {
    "alerts": Listed("alerts:alerts_command", "List what was told, or show one alert."),
    "budget": Listed("budget:budget_command", "Show what each threshold and each budget would have alerted."),
    "check-config": Listed("check_config:check_config", "Show the configuration in effect, and what is wrong with it."),
    "console": Listed("console:console_command", "Open the pages of a history in a browser."),
    "explain": Listed("explain:explain_command", "Say how usual an action would be for an identity, and why."),
    "explorer": Listed("searching:explorer_command", "List who was unusual on which days."),
    "identity": Listed("people:identity_command", "Sum up what one identity did."),
    "incidents": Listed("incidents:incidents_command", "List which alerts belong together, or take one on."),
    "learn": Listed("learn:learn", "Teach 90 days of habits before the service starts."),
    "outbox": Listed("outbox:outbox", "See what could not be delivered, and send it again."),
    "replay": Listed("replay:replay", "Show the alerts that recorded logs would have caused."),
    "run": Listed("run:run", "Read the Event Hub and alert, until SIGTERM."),
    "search": Listed("searching:search_command", "Find identities and alerts by whatever is at hand."),
    "send-test": Listed("send_test:send_test", "Send a sample alert to the sinks."),
    "spark": Listed("spark:spark_command", "Judge on a Spark cluster, in shards."),
    "state": Listed("state:state", "Look into the saved state, go back, or forget."),
    "suppress": Listed("suppress:suppress", "Keep known noise from alerting for a while."),
    "test": Listed("detection_tests:test_command", "Check that what must alert does, and the rest does not."),
    "timeline": Listed("people:timeline_command", "Show hour by hour what one identity did."),
    "tuning": Listed("tuning:tuning_command", "Try thresholds and a budget on the last days."),
    "verdict": Listed("verdict:verdict_commands", "Say what an alert was found to be."),
    "version": Listed("commands:version", "Print the version."),
}


class ListedCommands(Commands):
    """Commands that are listed without being imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in their order."""
        return sorted(LISTED)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is none of that name."""
        if cmd_name not in LISTED:
            return None
        module, _, name = LISTED[cmd_name].where.partition(":")
        with collect_nothing():
            command: click.Command = getattr(import_module(f"service.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names, or say which was probably meant."""
        if args[0] not in LISTED and (near := get_close_matches(args[0], LISTED)):
            meant = " or ".join(f"'{name}'" for name in near)
            ctx.fail(f"No such command '{args[0]}'. Did you mean {meant}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the list says of every command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, LISTED[name].summary) for name in self.list_commands(ctx)])


@click.group(
    cls=ListedCommands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=ending(
        "0 all well; 1 ended by an error; 2 wrong usage or configuration; others as the help of a command says",
        "check-config --config unwonted.yaml",
        "send-test --config unwonted.yaml",
        "run --config unwonted.yaml",
        "COMMAND --help",
    ),
)
@click.version_option(None, "--version", package_name="unwonted", message="unwonted %(version)s")
def main() -> None:
    """Alert when an identity in Azure does what it does not usually do."""
    # A command says itself what went wrong; Azure's libraries would print ten lines of their own before.
    logging.getLogger("azure").addHandler(logging.NullHandler())


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"unwonted {package_version('unwonted')}")
