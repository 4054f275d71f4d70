"""The chart as Helm renders it with each of its own sets of values: once for all tests."""

from typing import Any

import pytest

from tests.infra.charts import SETS, Manifest, answers, case, manifests


@pytest.fixture(scope="session")
def rendered() -> dict[str, dict[str, Any]]:
    """Return what Helm answered, by the name of the set."""
    return dict(zip(SETS, answers(*(case(which, lint=True) for which in SETS)), strict=True))


@pytest.fixture
def chart(rendered: dict[str, dict[str, Any]], which: str) -> list[Manifest]:
    """Return the manifests of the set that the test names `which`."""
    return manifests(rendered[which])
