"""Every command in a page works: it is run here, or it is in the table of those that cannot be, which says why.

`unwonted` is run where it stands as a line by itself, in a folder that has what the pages speak of: the page's own
configuration, a day of a simulated tenant, and the state that came of it.
"""

import gzip
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import click
import pytest
import yaml
from click.testing import CliRunner

from service.cli.commands import main
from service.settings.root import Settings
from service.storage.snapshots import CURRENT
from service.suppressions.file import read_suppressions
from tests.docs.pages import Command, commands, fences, name_of, pages, text_of

TABLE = "docs/contributing/commands.md"
SHOWN = [command for page in pages() for command in commands(name_of(page), page.read_text(encoding="utf-8"))]
ANNOUNCED = "suppressions:\n"  # begins a file of suppressions, which is none of the configuration
CONFIGURATIONS = [
    (name_of(page), content)
    for page in pages()
    for language, content in fences(page.read_text(encoding="utf-8"))
    if language == "yaml" and re.match(rf"(#.*\n)*({'|'.join(Settings.model_fields)}):", content)
    if not content.startswith(ANNOUNCED)
]
TARGETS = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))


class Row(NamedTuple):
    """Commands that are not run from their page."""

    pages: str
    begins: str
    why: str

    def covers(self, command: Command) -> bool:
        begins = tuple(shlex.split(self.begins))
        return fnmatchcase(command.page, self.pages) and command.words[: len(begins)] == begins


def rows() -> list[Row]:
    return [
        Row(*found) for found in re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| (.+?) \|$", text_of(TABLE), re.MULTILINE)
    ]


ROWS = rows()
UNLISTED = [command for command in SHOWN if not any(row.covers(command) for row in ROWS)]
OURS = [command for command in SHOWN if "unwonted" in command.words]


def check_usage(words: Sequence[str]) -> None:
    """Raise `click.UsageError` for a command line that `unwonted` would refuse for its form."""
    group: click.Command = main
    left = list(words)
    while isinstance(group, click.Group):
        name = left.pop(0) if left else ""
        if name in {"", "-h", "--help"}:
            return
        found = group.get_command(click.Context(group), name)
        if found is None:
            raise click.UsageError(f"no such command: {name}")
        group = found
    context = click.Context(group, info_name=group.name)
    values, rest, _ = group.make_parser(context).parse_args(left)
    given = {
        name
        for name, value in values.items()
        if isinstance(value, bool) or (isinstance(value, str | tuple | list) and value)
    }
    missing = [one.name for one in group.params if one.required and one.name not in given]
    if rest or missing:
        raise click.UsageError(f"too many: {rest}" if rest else f"missing: {missing}")


@pytest.mark.parametrize("command", UNLISTED, ids=str)
def test_every_command_is_run_or_listed(command: Command) -> None:
    run_here = command.words[0] == "unwonted" and command.alone
    row = f"| `{command.page}` | `{shlex.join(command.words[:2])}` | needs … |"
    assert run_here, f"{command.page} shows `{command}`, and no test runs it. Add a row to {TABLE}:\n{row}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.pages} {row.begins}")
def test_every_row_of_the_table_stands_for_a_command_and_says_why(row: Row) -> None:
    assert any(row.covers(command) for command in SHOWN), "no page shows such a command: remove the row"
    assert row.begins == "make" or row.why.startswith("needs ") or "](../../tests/" in row.why


@pytest.mark.parametrize("command", OURS, ids=str)
def test_every_unwonted_command_is_one(command: Command) -> None:
    words = command.words[command.words.index("unwonted") + 1 :]
    if command.words[0] == "unwonted" or command.words[command.words.index("unwonted") - 1] == "--":
        check_usage(words)


@pytest.mark.parametrize("words", ["rum", "run --confg x", "replay", "state inspect x"])
def test_what_is_no_command_is_noticed(words: str) -> None:
    with pytest.raises(click.UsageError):
        check_usage(words.split())


@pytest.mark.parametrize("command", [one for one in SHOWN if one.words[0] == "make"], ids=str)
def test_every_target_of_make_exists(command: Command) -> None:
    named = [word for word in command.words[1:] if "=" not in word and not word.startswith("-")]
    assert set(named) <= TARGETS


@pytest.mark.parametrize(("page", "content"), CONFIGURATIONS)
def test_every_configuration_in_a_page_is_accepted(page: str, content: str) -> None:
    assert Settings.model_validate(yaml.safe_load(content)) != Settings()


def test_every_file_of_suppressions_in_a_page_is_accepted() -> None:
    shown = [
        content
        for page in pages()
        for _, content in fences(page.read_text(encoding="utf-8"))
        if content.startswith(ANNOUNCED)
    ]
    assert shown
    for content in shown:
        assert read_suppressions(content.encode(), "the page", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.slow
@pytest.mark.parametrize("command", [one for one in UNLISTED if one.words[0] == "unwonted" and one.alone], ids=str)
def test_every_unwonted_command_that_needs_nothing_else_succeeds(
    command: Command, log: bytes, state: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("yesterday.ndjson.gz", "month/1.ndjson.gz", "insights-activity-logs/y=2026/PT1H.json"):
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        Path(name).write_bytes(gzip.compress(log, 1))
    Path("today.ndjson").write_bytes(log)
    Path("activity.json").write_bytes(b"[" + b",\n".join(log.splitlines()[::-1]) + b"]")
    own = [content for page, content in CONFIGURATIONS if page == command.page]
    Path("unwonted.yaml").write_text(own[0] if own else "{}")
    Path(".state").mkdir()
    (Path(".state") / CURRENT).write_bytes(state)
    found = [sorted(map(str, Path().glob(word))) if "*" in word else [word] for word in command.words[1:]]
    result = CliRunner().invoke(main, [name for names in found for name in names])
    # What a secret store mounts is there in the pod alone.
    wrong = [line for line in result.stderr.splitlines() if "_file: /mnt/secrets-store/" not in line]
    assert result.exit_code == 0 or (command.words[1] == "check-config" and not wrong), result.output
    assert result.output
