"""The page of all options says something of each; that it is new is `test_generated`'s."""

import re

import pytest

from models.detectors.options import options
from models.detectors.registry import DETECTORS
from service.settings.names import option_paths, variable_name
from service.settings.reference import option_reference
from tests.docs.pages import text_of

PAGE = "docs/configuration.md"


def test_the_page_has_every_option_and_its_variable() -> None:
    page = text_of(PAGE)
    for path in option_paths():
        plain = {"sinks": (path[0], "NAME", *path[2:]), "detectors": (path[0], "DETECTOR", *path[2:])}.get(
            path[0], path
        )
        assert f"| `{'.'.join(plain)}`" in page
        mappings = {"options", "values", "header_files", "member_files"}  # which no variable holds
        if plain[-1] not in mappings and plain != ("watch", "entries"):
            assert f"`{variable_name(plain)}`" in page


@pytest.mark.parametrize("name", DETECTORS)
def test_every_option_of_a_detectors_own_is_there_and_explained(name: str) -> None:
    page = option_reference()
    for option in options(DETECTORS[name]):
        assert option.text, f"the docstring of {name} says nothing of {option.name}"
        assert f"| `detectors.{name}.options.{option.name}`" in page


def test_no_cell_of_the_page_is_empty_or_unreadable() -> None:
    rows = re.findall(r"^\| `.*$", text_of(PAGE), re.MULTILINE)
    cells = [re.split(r"(?<!\\)\|", row)[1:-1] for row in rows]
    assert rows
    assert {len(row) for row in cells} == {4}
    assert [row for row in cells if any(cell.strip() in {"", "anything"} for cell in row)] == []
