"""The whole benchmark on a tenant as small as they come."""

import doctest
from functools import cache, partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.detection import ablation, elastic_rare, metrics, pictures, report
from benchmarks.detection.__main__ import main
from benchmarks.detection.tenants import evaluate
from demo.tenant import TenantPlan
from service.settings.root import Settings

pytestmark = pytest.mark.slow

PLAN = TenantPlan(seed=5, identities=20, days=4, campaigns=3, campaigns_from=1)


def test_every_method_judges_the_very_same_cells_with_every_attack_in_them() -> None:
    outcome = evaluate(PLAN, Settings(), training_days=1)

    assert {cell.campaign for cell in outcome.trial.cells} == {"", "c01", "c02", "c03"}
    assert len({cell.key for cell in outcome.trial.cells}) == len(outcome.trial.cells)
    assert [cell.hour for cell in outcome.trial.cells] == sorted(cell.hour for cell in outcome.trial.cells)
    assert {(len(one.surprise), len(one.score)) for one in outcome.methods} == {(len(outcome.trial.cells),) * 2}
    assert [one.name for one in outcome.methods[:1]] == ["Unwonted"]


@cache
def surprises(part: str) -> list[float]:
    change = partial(ablation.without, part) if part else None
    outcome = evaluate(PLAN, Settings(), training_days=1, compared=False, change=change)
    [alone] = [one for one in outcome.methods if one.name == "Unwonted rare_action alone"]
    values: list[float] = alone.surprise.tolist()
    return values


@pytest.mark.parametrize("part", ablation.WITHOUT)
def test_each_part_that_is_taken_out_is_missed(part: str) -> None:
    assert surprises(part) != surprises("")


def test_the_command_prints_one_table_with_all_methods_and_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tables.md"
    small = ["--seeds", "5", "--identities", "20", "--days", "4", "--campaigns", "3"]
    main([*small, "--cold-seeds", "--adversary-seeds", "--sets", "--out", str(out), "--pictures", str(tmp_path)])
    printed = capsys.readouterr().out

    assert out.read_text(encoding="utf-8").strip() == printed.strip()
    for method in ("Unwonted", "new value", "Elastic-like rare action, people only", "plain Pitman-Yor back-off"):
        assert f"| {method}" in printed
    assert "Attacks are simulated" in printed
    for name in ("budget-20.svg", "reliability-20.svg"):
        root = ElementTree.parse(tmp_path / name).getroot()  # noqa: S314 - our own file
        assert "Unwonted rare_action alone" in "".join(root.itertext())


def test_a_spread_is_told_only_when_there_is_one() -> None:
    row = dict.fromkeys(report.COLUMNS, 0.5)
    one, two = report.table("t", "n", [{"m": row}]), report.table("t", "n", [{"m": row}, {"m": row}])

    assert "±" not in one
    assert "0.500 ± 0.000" in two


@pytest.mark.parametrize("module", [elastic_rare, metrics, pictures, report], ids=lambda module: module.__name__)
def test_examples_in_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module, whatever pytest calls it
