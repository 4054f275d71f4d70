"""What a command does not need is not imported for it: half of what there is would take a second or two."""

import subprocess
import sys
from importlib import import_module
from pkgutil import iter_modules

import click
import pytest

import service.cli
from service.cli.commands import LISTED, main

AZURE = {"azure", "msal", "requests"}
HEAVY = AZURE | {"aiohttp", "models", "numpy", "prometheus_client", "pydantic", "river", "structlog", "yaml"}


def imported(*arguments: str, first: str = "") -> set[str]:
    """Return the packages that are imported when a command has ended, by their outermost name and in full."""
    script = f"""
import atexit, sys
def tell():
    sys.stderr.write(" ".join(sys.modules))
atexit.register(tell)
{first}
sys.argv[1:] = {list(arguments)!r}
from service.cli import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    names = set(ended.stderr.split())
    assert "service.cli.commands" in names, ended.stderr
    return names | {name.partition(".")[0] for name in names}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["version"], ["nonsense"]], ids=" ".join)
def test_what_only_prints_imports_the_command_line_alone(arguments: list[str]) -> None:
    names = imported(*arguments)
    assert names & HEAVY == set()
    assert {name for name in names if name.startswith("service.")} == {
        "service.cli",
        "service.cli.commands",
        "service.cli.epilog",
        "service.cli.importing",
        "service.cli.slips",
    }


@pytest.mark.slow
def test_a_replay_imports_no_sdk_and_no_web_server() -> None:
    names = imported("replay", "--help")
    assert names & (AZURE | {"aiohttp", "prometheus_client", "structlog"}) == set()
    assert "service.replay.replay" in names


@pytest.mark.integration
def test_a_service_that_keeps_its_state_in_files_imports_no_blob_storage() -> None:
    names = imported("--help", first="import service.cli.run; from service.wiring import build_components")
    assert "azure.eventhub.aio" in names
    assert {name for name in names if name.startswith("azure.storage")} == set()


@pytest.mark.parametrize("name", LISTED)
def test_each_command_is_where_the_list_says_and_says_of_itself_what_the_list_says(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(200) == LISTED[name].summary


def defining() -> set[str]:
    """Return the modules of `service.cli` that define a command for the first word."""
    found = set()
    for one in iter_modules(service.cli.__path__, "service.cli."):
        module = import_module(one.name)
        if any(isinstance(value, click.Command) and value.name in LISTED for value in vars(module).values()):
            found.add(one.name)
    return found


def test_no_command_is_left_out_of_the_help() -> None:
    context = click.Context(main)
    shown = main.get_help(context)
    assert [name for name in main.list_commands(context) if f"  {name} " not in shown] == []
    modules = {where.partition(":")[0] for where, _ in LISTED.values()}
    assert {f"service.cli.{module}" for module in modules} >= defining()
