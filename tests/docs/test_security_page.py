"""What the page on security tells people to do with a snapshot does what it says, and the tests that it names exist."""

import ast
import re
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli.commands import main
from service.core.snapshot.codec import decode
from service.settings.root import Settings
from service.wiring import build_engine
from tests.docs.pages import ROOT, text_of

ANN = "ann@contoso.com"
SCRIPT = textwrap.dedent(re.findall(r"```python\n(.*?)```", text_of("docs/security.md"), re.DOTALL)[0])
ACTION = "Microsoft.Compute/virtualMachines/write"


def explained(snapshot: Path, who: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["explain", "--snapshot", str(snapshot), who, ACTION])
    return result.exit_code, result.output


def habits_of(explanation: str) -> str:
    return explanation.partition("usually it does ")[2].partition(".")[0]


def test_an_identity_can_be_deleted_from_a_snapshot(
    state: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old.ndjson.gz", tmp_path / "new.ndjson.gz"
    old.write_bytes(state)
    people = {row["name"]: row["id"] for section, row in decode(state) if section == "person"}
    assert explained(old, ANN)[0] == 0
    monkeypatch.setattr("sys.argv", ["forget.py", str(old), str(new), people[ANN]])
    exec(compile(SCRIPT, "forget.py", "exec"), {})  # noqa: S102 - what the page tells people to run

    assert re.fullmatch(r"[1-9]\d* of \d+ rows removed\n", capsys.readouterr().out)
    rows = decode(new.read_bytes())
    assert people[ANN] not in str(rows)
    assert ANN not in str(rows)
    assert [row for section, row in rows if section == "position"] != []
    code, said = explained(new, ANN)
    assert code == 2, said
    other = next(name for name in people if name != ANN)
    code, said = explained(new, other)
    assert code == 0, said
    assert habits_of(said) == habits_of(explained(old, other)[1]) != ""
    engine = build_engine(Settings())
    engine.load(rows)
    assert people[ANN] not in str(list(engine.dump()))


def table() -> list[list[str]]:
    """Return the cells of each threat, without the heads."""
    section = text_of("docs/security.md").partition("## Threats, defences, tests")[2].partition("\n## ")[0]
    lines = re.findall(r"^\|.*\|$", section, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_each_threat_has_a_defence_and_a_test_that_exists(row: list[str]) -> None:
    threat, defence, tests = row
    named = re.findall(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)", tests)

    assert threat
    assert defence
    assert "<br>".join(f"[`{name}`](../{path})" for name, path in named) == tests != ""
    for name, path in named:
        assert name in defined_in(ROOT / path), f"{path} has no {name}"


def test_the_table_has_the_threats() -> None:
    assert len(table()) >= 20
