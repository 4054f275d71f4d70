"""What the page on security tells people to do with a snapshot does what it says."""

import re
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli.commands import main
from service.core.snapshot.codec import decode
from service.settings.root import Settings
from service.wiring import build_engine
from tests.docs.pages import text_of

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
