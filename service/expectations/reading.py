"""Reads a file of detection tests: the whole of it, or a line for each thing that is wrong, with where it stands.

What may stand in it is said in `models`. Lines repeat no value: a file may name people.
"""

from collections.abc import Mapping, Sequence

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from service.expectations.models import TestFile
from service.options import StrictLoader, yaml_problem

LARGEST_TEST_FILE = 1_000_000

_Keys = tuple[str, ...]
_EMPTY = "should be a mapping with the list tests: in it, each with name, history and expect"
_PLAIN = {
    "missing": "is missing",
    "extra_forbidden": "no such key",
    "too_short": "should not be empty",
    "int_": "should be a whole number",
    "float_": "should be a number",
    "bool_": "should be true or false",
    "string_type": "should be a text",
    "model_type": "should be a mapping",
    "model_attributes_type": "should be a mapping",
    "tuple_type": "should be a list, each entry beginning with a dash",
}


class TestFileError(Exception):
    """A file is no file of tests; `lines` say why, in their order in the file."""

    __test__ = False  # pytest takes the name for a test

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


def read_tests(data: bytes, place: str) -> TestFile:
    """Return what stands in a file that is called `place`.

    Raises
    ------
    TestFileError
        Anything in it is wrong.
    """
    try:
        tree, lines = _tree(data)
    except ValueError as error:
        raise TestFileError([f"{place}: {error}"]) from None
    try:
        return TestFile.model_validate(tree)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        # A list in which every entry is wrong is none the shorter for that.
        short = [one for one in details if one["type"] == "too_short" and not _has_more_below(one, details)]
        found = {_mistake(one, lines) for one in details if one["type"] != "too_short" or one in short}
    raise TestFileError([f"{place}: line {line}, {text}" for line, text in sorted(found)])


def _tree(data: bytes) -> tuple[object, Mapping[_Keys, int]]:
    """Return what a file holds, and the line of each key and entry in it."""
    if len(data) > LARGEST_TEST_FILE:
        raise ValueError(f"has more than {LARGEST_TEST_FILE:,} bytes, which is the most that is read")
    lines: dict[_Keys, int] = {}
    try:
        loader = StrictLoader(data.decode("utf-8-sig"))
        try:
            root = loader.get_single_node()
            _note_lines(root, (), lines, set())
            tree = loader.construct_document(root) if root else None
        finally:
            loader.dispose()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(yaml_problem(error)) from None
    except ValueError:
        raise ValueError("has a date in it that is none") from None
    if not isinstance(tree, dict) or "tests" not in tree:
        raise ValueError(_EMPTY)
    return tree, lines


def _note_lines(node: yaml.Node | None, under: _Keys, lines: dict[_Keys, int], seen: set[int]) -> None:
    """Note where everything stands; what an alias repeats, where it stands first."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            lines[*under, str(number)] = item.start_mark.line + 1
            _note_lines(item, (*under, str(number)), lines, seen)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[*under, str(key.value)] = key.start_mark.line + 1
            _note_lines(value, (*under, str(key.value)), lines, seen)


def _has_more_below(one: ErrorDetails, details: Sequence[ErrorDetails]) -> bool:
    place = one["loc"]
    return any(len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in details)


def _mistake(details: ErrorDetails, lines: Mapping[_Keys, int]) -> tuple[int, str]:
    """Return the line of a mistake, and what is wrong there."""
    path = tuple(str(part) for part in details["loc"])
    while path and path not in lines and path[:-1] in lines and details["type"] != "missing":
        path = path[:-1]  # pydantic goes into what was written as one value and stands for a list or one of several
    text = next((plain for name, plain in _PLAIN.items() if details["type"].startswith(name)), "")
    if not text:
        text = str(details.get("ctx", {}).get("error", details["msg"])).removeprefix("Input ")
    head, separator, rest = text.partition(": ")
    inner = (*path, *head.split("."))
    if separator and inner in lines:  # a check of several keys names the one that is to blame
        path, text = inner, rest
    line = next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), 1)
    return line, f"{_spoken(path)}: {text}"


def _spoken(path: _Keys) -> str:
    """Return a path as people write it.

    >>> _spoken(("tests", "0", "expect", "1", "alerts"))
    'tests[0].expect[1].alerts'
    """
    return "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in path).lstrip(".")
