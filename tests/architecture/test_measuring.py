"""Whose run is measured, and that the others are not slowed down by it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.measuring import EXAMPLES, HANDED_DOWN, OWN, Measuring, is_measured


def item(file: str, *marks: str, obj: Any = None) -> Any:
    return SimpleNamespace(
        nodeid=f"{file}::test", obj=obj, get_closest_marker=lambda name: name if name in marks else None
    )


@pytest.mark.parametrize(
    ("file", "marks", "measured"),
    [
        ("tests/service/test_app.py", (), True),
        ("service/options/durations.py", (), True),
        ("tests/models/stream/test_cells.py", ("integration",), True),
        ("tests/golden/test_golden.py", ("slow",), False),
        ("tests/golden/test_golden.py", ("slow", "measured"), True),
        ("tests/integration/test_kill.py", ("integration",), False),
        ("demo/tenant/people.py", (), False),
    ],
)
def test_the_tests_of_a_package_are_measured_unless_they_are_slow(
    file: str, marks: tuple[str, ...], measured: bool
) -> None:
    assert is_measured(item(file, *marks)) is measured
    assert all((Path(__file__).parents[2] / folder).is_dir() for folder in OWN)


class Counting:
    """Says what it was told to do, and hands itself down to processes while it goes on."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.told: list[str] = []
        self._environment = environment

    def start(self) -> None:
        self.told.append("start")
        self._environment[HANDED_DOWN] = "yes"

    def stop(self) -> None:
        self.told.append("stop")


def test_it_rests_for_as_long_as_nothing_is_measured_and_so_do_processes_that_are_started() -> None:
    environment = {HANDED_DOWN: "yes", "PATH": "/bin"}
    counting = Counting(environment)
    measuring = Measuring(counting, environment)
    handed_down = []

    for one in ("tests/service/a.py", "tests/demo/a.py", "tests/demo/b.py", "tests/models/a.py", "models/a.py"):
        measuring.before(item(one))
        handed_down.append(HANDED_DOWN in environment)

    assert counting.told == ["stop", "start"]
    assert handed_down == [True, False, False, True, True]


@pytest.mark.parametrize("times", [1, 2])
def test_of_a_property_the_first_examples_are_measured_each_time(times: int) -> None:
    environment: dict[str, str] = {}
    counting = Counting(environment)
    measuring = Measuring(counting, environment)
    seen = []

    @settings(max_examples=3 * EXAMPLES, phases=[Phase.generate], database=None)
    @given(st.integers())
    def law(number: int) -> None:
        seen.append(counting.told.count("stop"))

    for _ in range(times):
        seen.clear()
        measuring.before(item("tests/models/a.py", obj=law))
        law()

    assert seen == [times - 1] * EXAMPLES + [times] * 2 * EXAMPLES


def test_where_nothing_is_measured_there_is_nothing_to_do() -> None:
    environment: dict[str, str] = {}
    Measuring(None, environment).before(item("tests/service/a.py"))
    assert environment == {}
