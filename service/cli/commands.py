"""The command line's first word: which commands there are, each in a module that is imported when it is used.

What commands need (the SDKs of Azure, pydantic, the detectors) takes a second or two to import. ``--help`` needs none
of it, and so what each command does is written down here. What all of them begin with is in `inputs`.
"""

from importlib import import_module
from importlib.metadata import version as package_version
from typing import NamedTuple

import click


class Listed(NamedTuple):
    """A command: where it is defined, as ``module:name`` in `service.cli`, and its own first sentence."""

    where: str
    summary: str


LISTED = {
    "budget": Listed(
        "ask:budget_command",
        "Say how many identities a day each threshold and each budget would have alerted in the last four weeks.",
    ),
    "check-config": Listed(
        "check:check_config",
        "Print the configuration as it takes effect, without its secrets, and say what is wrong with it.",
    ),
    "explain": Listed(
        "ask:explain_command", "Say what would be thought of ACTOR (name or id) doing ACTION once, and why."
    ),
    "learn": Listed(
        "learn:learn",
        "Teach the service 90 days of habits before it starts: from Azure, from an archive, or from FILES.",
    ),
    "replay": Listed(
        "replay:replay",
        "Print the alerts that FILES would have caused: files, folders, patterns, or - for standard input.",
    ),
    "run": Listed("run:run", "Read the Event Hub and alert, until SIGTERM."),
    "send-test": Listed(
        "check:send_test",
        "Send a sample alert, marked as a test, to see that it arrives and what it looks like.",
    ),
    "state": Listed("state:state", "Look into the saved state, or forget how far the hub has been read."),
    "suppress": Listed(
        "suppress:suppress", "Say what is not to be told for a while: maintenance, exercises, known noise."
    ),
    "version": Listed("commands:version", "Print the version."),
}


class ListedGroup(click.Group):
    """A group whose commands are listed without being imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in their order."""
        return sorted(LISTED)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is none of that name."""
        if cmd_name not in LISTED:
            return None
        module, _, name = LISTED[cmd_name].where.partition(":")
        command: click.Command = getattr(import_module(f"service.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every command with its first sentence."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, LISTED[name].summary) for name in self.list_commands(ctx)])


@click.group(cls=ListedGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="unwonted", prog_name="unwonted", message="%(prog)s %(version)s")
def main() -> None:
    """Tell when an identity in Azure does what it does not do."""


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"unwonted {package_version('unwonted')}")
