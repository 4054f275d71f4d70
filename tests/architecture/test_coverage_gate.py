"""The gate refuses each module that its tests leave out, and a report that measured nothing."""

from typing import Any

import pytest

from tests.coverage_gate import LEAST, too_little


def report(shares: dict[str, float], *, branches: bool = True) -> dict[str, Any]:
    files = {
        name: {"summary": {"percent_covered": share}, "missing_lines": [3, 4, 9]} for name, share in shares.items()
    }
    return {"meta": {"branch_coverage": branches}, "files": files}


def test_a_module_below_the_least_is_named_the_worst_first_whatever_the_mean() -> None:
    shares = {"a.py": 100.0, "b.py": LEAST - 0.1, "c.py": 0.0, "d.py": LEAST}

    assert too_little(report(shares)) == [
        "c.py: 0.0 % of 90 %; never run: lines 3-4, 9",
        "b.py: 89.9 % of 90 %; never run: lines 3-4, 9",
    ]


@pytest.mark.parametrize(
    ("empty", "said"),
    [(report({}), "nothing was measured"), (report({"a.py": 100.0}, branches=False), "branches were not measured")],
)
def test_a_report_that_measured_nothing_does_not_pass(empty: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        too_little(empty)
