"""`unwonted test` and `unwonted replay --expect` say of each expectation whether it held, and exit accordingly."""

import json
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner, Result

from models.detectors import DETECTORS
from service.cli.commands import main
from service.expectations.models import Past
from service.expectations.records import record_lines
from tests.docs.pages import fences, text_of

pytestmark = [pytest.mark.slow, pytest.mark.measured]

OURS = Path(__file__).parents[3] / "config" / "tests"
[PAGE] = [content for _, content in fences(text_of("docs/detection-tests.md")) if "tests:\n" in content]
GRANT = "Microsoft.Authorization/roleAssignments/write"
HISTORY = yaml.safe_load(PAGE)["tests"][0]["history"]


def unwonted(*words: object, **more: object) -> Result:
    return CliRunner().invoke(main, [*map(str, words)], catch_exceptions=False, **more)  # type: ignore[arg-type]


def written(path: Path, *expect: Mapping[str, object], history: object = HISTORY) -> Path:
    path.write_text(yaml.safe_dump({"tests": [{"name": "one", "history": history, "expect": list(map(dict, expect))}]}))
    return path


@pytest.mark.integration
@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_the_examples_of_each_detector_are_tests_that_hold(name: str) -> None:
    result = unwonted("test", OURS / f"{name}.yaml")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "2 tests, all held")
    [speaks, silent] = yaml.safe_load((OURS / f"{name}.yaml").read_text())["tests"]
    declared = DETECTORS[name].declaration
    assert (speaks["history"], silent["history"]) == ([{"example": f"{name}.speaks"}], [{"example": f"{name}.silent"}])
    [wanted], [unwanted] = speaks["expect"], silent["expect"]
    assert wanted["detector"] == unwanted["detector"] == name
    assert (wanted["score_at_least"], unwanted["score_below"]) == (declared.threshold, declared.threshold)
    assert (wanted["alerts"], unwanted["alerts"], wanted["mentions"]) == (True, False, declared.speaks.says)


def test_the_page_shows_a_file_that_holds_from_standard_input_too(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(PAGE)
    (tmp_path / "rules" / "README.md").write_text("no tests")
    for result in (unwonted("test", tmp_path / "rules"), unwonted("test", "-", input=PAGE)):
        assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 test, all held")


WRONG: list[tuple[dict[str, object], str]] = [
    ({"identity": "ann", "operation": GRANT, "alerts": False}, "it alerted: "),
    ({"identity": "ann", "operation": GRANT, "score_below": 40}, " scored "),
    ({"identity": "ann", "operation": GRANT, "alerts": True, "detector": "dormant"}, "dormant had nothing to say"),
    ({"identity": "ann", "mentions": ["never in its", "a comet"]}, "no explanation mentions 'a comet'; "),
    ({"identity": "ben", "alerts": "low"}, "it did not alert; "),
    ({"identity": "ben", "score_at_least": 99}, "the highest score is "),
    ({"identity": "bne@contoso.com", "alerts": False}, "nobody of that name did anything; near: ben@contoso.com"),
    ({"identity": "ben", "operation": "Microsoft.Web/sites/wriet", "alerts": False}, "near: Microsoft.Web/sites/write"),
    ({"identity": "ann", "at": "2026-05-01T09:00:00Z", "alerts": False}, "it did that, but not then"),
    ({"identity": "ann", "address": "10.9.9.9", "alerts": False}, "it did that, but not then or not from there"),
]


def test_what_does_not_hold_is_told_with_what_was_found(tmp_path: Path) -> None:
    right = {"identity": "ann", "operation": GRANT, "address": "198.51.100.7", "alerts": True}
    file = written(tmp_path / "t.yaml", right, *(wrong for wrong, _ in WRONG))
    result = unwonted("test", file, "--junit", tmp_path / "out.xml")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "1 test, 1 failed")
    root = ElementTree.parse(tmp_path / "out.xml").getroot()  # noqa: S314 - our own document
    assert (root.get("tests"), root.get("failures")) == (str(len(WRONG) + 1), str(len(WRONG)))
    for failure, (_, said) in zip(root.iter("failure"), WRONG, strict=True):
        assert said in failure.get("message", "")
        assert said in result.stdout


def test_a_hostile_name_writes_nothing_to_the_terminal_but_itself(tmp_path: Path) -> None:
    result = unwonted("test", written(tmp_path / "t.yaml", {"identity": "\x1b[2J\nheld \u202e", "alerts": True}))
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert not any(line.startswith("held") for line in result.stdout.splitlines())


def test_a_severity_is_at_least_that(tmp_path: Path) -> None:
    doors = [{"example": "failure_spike.speaks"}]
    wanted = {"identity": "ann", "detector": "failure_spike", "alerts": "low"}
    assert unwonted("test", written(tmp_path / "t.yaml", wanted, history=doors)).exit_code == 0
    result = unwonted("test", written(tmp_path / "t.yaml", {**wanted, "alerts": "critical"}, history=doors))
    assert (result.exit_code, "it alerted, but less loudly: failure_spike scored" in result.stdout) == (1, True)


def test_files_are_looked_for_beside_the_test_and_must_be_read_whole(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "week.ndjson").write_bytes(b"\n".join(record_lines([Past.model_validate(one) for one in HISTORY])))
    wanted = {"identity": "ann", "operation": GRANT, "alerts": "high"}
    file = written(folder / "t.yaml", wanted, history=[{"files": "week.ndjson"}])
    assert unwonted("test", file).exit_code == 0
    written(file, wanted, history=[{"files": "month.ndjson"}])
    absent = unwonted("test", file, "--junit", tmp_path / "out.xml")
    assert (absent.exit_code, "month.ndjson: No such file or directory" in absent.stdout) == (1, True)
    assert 'errors="1"' in (tmp_path / "out.xml").read_text()
    (folder / "week.ndjson").write_bytes(b'{"time": 1}\n')
    written(file, wanted, history=[{"files": "week.ndjson"}, *HISTORY])
    broken = unwonted("test", file)
    assert (broken.exit_code, "rejected, " in broken.stdout) == (1, True)


def test_the_configuration_counts(tmp_path: Path) -> None:
    config = tmp_path / "unwonted.yaml"
    config.write_text("detectors: {rare_action: {enabled: false}}")
    file = written(tmp_path / "t.yaml", {"identity": "ann", "detector": "rare_action", "alerts": True})
    assert unwonted("test", file).exit_code == 0
    result = unwonted("test", "--config", config, file)
    assert (result.exit_code, "rare_action had nothing to say" in result.stdout) == (1, True)


def test_what_is_misused_is_refused_with_a_line(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    bad = tmp_path / "bad.yaml"
    bad.write_text("tests:\n  - nmae: x\n")
    file = written(tmp_path / "t.yaml", {"identity": "ann", "alerts": True}, history=[])
    for words, said in [
        ((tmp_path / "gone.yaml",), "gone.yaml: No such file or directory"),
        ((bad,), "bad.yaml: line 2, tests[0].nmae: no such key"),
        ((tmp_path / "none",), "none of these folders has a file of tests in it"),
        ((file,), "t.yaml: line 2, tests[0].history: is missing or empty"),
        (("--junit", tmp_path / "no" / "out.xml", OURS / "rare_action.yaml"), "out.xml: No such file or directory"),
    ]:
        result = unwonted("test", *words)
        assert (result.exit_code, said in result.stderr) == (2, True), result.output


def test_a_replay_is_held_against_the_same_expectations(tmp_path: Path) -> None:
    week = tmp_path / "week.ndjson"
    week.write_bytes(b"\n".join(record_lines([Past.model_validate(one) for one in HISTORY])))
    (tmp_path / "rules.yaml").write_text(PAGE)
    plain = unwonted("replay", week)
    held = unwonted("replay", "--expect", tmp_path / "rules.yaml", "--junit", tmp_path / "out.xml", week)
    assert (plain.exit_code, held.exit_code) == (0, 0)
    assert held.stdout == plain.stdout
    assert held.stderr.endswith("1 test, all held\n")
    assert 'failures="0"' in (tmp_path / "out.xml").read_text()
    file = written(tmp_path / "t.yaml", {"identity": "ann", "operation": GRANT, "alerts": False}, history=[])
    failed = unwonted("replay", "--quiet", "--expect", file, "--expect", tmp_path / "rules.yaml", week)
    assert (failed.exit_code, failed.stderr.splitlines()[-1]) == (1, "2 tests, 1 failed")
    week.write_text(json.dumps({"level": "info"}) + "\n")
    assert unwonted("replay", "--quiet", "--expect", file, week).exit_code == 3
    assert unwonted("replay", "--junit", tmp_path / "x", week).exit_code == 2
    assert unwonted("replay", "--expect", "-", "-").exit_code == 2
