"""The chart as Helm renders it with each of its own sets of values, and templates as trees: once for all tests."""

import json
from typing import Any

import pytest

from tests.infra.azure_templates import PARSE, Tree
from tests.infra.charts import SETS, Manifest, answers, case, manifests
from tests.infra.judges import judge


@pytest.fixture(scope="session")
def rendered() -> dict[str, dict[str, Any]]:
    """Return what Helm answered, by the name of the set."""
    return dict(zip(SETS, answers(*(case(which, lint=True) for which in SETS)), strict=True))


@pytest.fixture
def chart(rendered: dict[str, dict[str, Any]], which: str) -> list[Manifest]:
    """Return the manifests of the set that the test names `which`."""
    return manifests(rendered[which])


@pytest.fixture(scope="session")
def parsed() -> tuple[Tree, Tree]:
    """Return all Bicep and all Terraform, by the name of the file."""
    result = judge("python", "-c", PARSE)
    assert result.returncode == 0, result.stderr
    bicep, terraform = json.loads(result.stdout)
    return bicep, terraform
