"""What each command says of itself: what it is for, how it is typed, and what its exit codes mean."""

import shlex
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from service.cli.commands import main
from tests.service.cli.test_commands import unwonted


def commands(group: click.Group = main, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command, groups themselves included, with the words that lead to it."""
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        path = f"{name} {word}".strip()
        yield path, command
        if isinstance(command, click.Group):
            yield from commands(command, path)


COMMANDS = dict(commands())
LEAVES = sorted(name for name, one in COMMANDS.items() if not isinstance(one, click.Group) and name != "version")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_it_is_for_in_a_line_of_the_list(name: str) -> None:
    listed = unwonted(*name.split()[:-1], "--help").stdout
    (line,) = [line for line in listed.splitlines() if line.startswith(f"  {name.rsplit(maxsplit=1)[-1]} ")]
    assert line.endswith(".")
    assert not line.endswith("...")


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_shows_how_it_is_typed_and_what_its_exit_codes_mean(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".state").mkdir()
    Path(".state/snapshot.ndjson.gz").touch()
    said = unwonted(*name.split(), "--help").stdout
    examples = [line.strip() for line in said.splitlines() if line.startswith("    unwonted ")]
    assert examples
    for example in examples:
        words = shlex.split(example.partition(" < ")[0].partition(" > ")[0])[1:]
        assert words[: len(name.split())] == name.split()
        COMMANDS[name].make_context(name, words[len(name.split()) :])
    codes = " ".join(said.partition("Exit codes: ")[2].split())
    assert codes.startswith("0 ")
    assert "; 2 wrong usage or configuration" in codes or name == "check-config"


def test_the_version_is_told_by_an_option_and_by_a_command() -> None:
    assert unwonted("--version").stdout == unwonted("version").stdout == f"unwonted {version('unwonted')}\n"
