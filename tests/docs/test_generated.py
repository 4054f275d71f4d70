"""Whatever is made from code is as the code makes it now, and one command makes all of it."""

import re

import pytest

from docs.generated import GENERATED
from tests.docs.pages import ROOT, text_of


@pytest.mark.parametrize("name", GENERATED)
def test_what_is_made_from_code_is_as_the_code_makes_it(name: str) -> None:
    kept, made = text_of(name) if (ROOT / name).exists() else "", GENERATED[name]()
    old = f"{name} is out of date: run `make generated`"
    if not name.endswith(".svg"):
        assert kept == made, old
    assert words_of(kept) == words_of(made), old
    # Another machine's logarithm may differ in the last digit.
    assert numbers_of(kept) == pytest.approx(numbers_of(made), abs=0.2), old


def words_of(picture: str) -> str:
    return re.sub(r"-?\d+\.\d+", "", picture)


def numbers_of(picture: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+", picture)]


def test_no_page_says_that_it_is_made_by_another_command() -> None:
    assert [name for name in GENERATED if re.search(r"python -[cm]", text_of(name))] == []


def test_the_dashboards_of_grafana_are_those_that_are_made() -> None:
    folders = ("config/grafana/dashboards", "deploy/helm/unwonted/files/dashboards")
    there = {path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).iterdir()}

    assert there == {name for name in GENERATED if "dashboards" in name}
