"""What runs of the tests and in which order: of each property fewer examples in the quick check, long files first."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import FEWER, LONGEST, pytest_collection_modifyitems, take_fewer


@pytest.mark.parametrize(("profile", "wanted"), [("whole", 30), ("quick", 30 // FEWER)])
def test_only_the_quick_profile_takes_fewer_and_takes_fewer_once(profile: str, wanted: int) -> None:
    tried = []

    @settings(max_examples=30)
    @given(st.integers())
    def law(number: int) -> None:
        tried.append(number)

    items: list[Any] = [SimpleNamespace(nodeid="", obj=one) for one in (law, law, len, None)]
    before = settings.get_current_profile_name()
    settings.load_profile(profile)
    try:
        take_fewer(items)
    finally:
        settings.load_profile(before)
    law()

    assert len(tried) == wanted


def test_the_longest_files_are_there_and_begin_and_the_others_keep_their_order() -> None:
    others = ["tests/a.py::b", "tests/a.py::a"]
    items: list[Any] = [SimpleNamespace(nodeid=name) for name in (*others, *(f"{file}::z" for file in LONGEST[::-1]))]

    pytest_collection_modifyitems(items)

    assert [item.nodeid for item in items] == [*(f"{file}::z" for file in LONGEST), *others]
    assert [file for file in LONGEST if not (Path(__file__).parents[2] / file).is_file()] == []
