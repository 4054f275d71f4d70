"""`make check` tries fewer examples of each property, and `make test` all of them."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import FEWER, pytest_collection_modifyitems


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
        pytest_collection_modifyitems(items)
    finally:
        settings.load_profile(before)
    law()

    assert len(tried) == wanted
