"""YAML in which a key that is written twice is an error, and that knows on which line each key stands.

Which keys there may be is others' to check.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

# What PyYAML says without quoting anything but its own names of tokens.
_HARMLESS = re.compile(
    r"mapping values are not allowed( in this context| here)|could not find expected ':'|"
    r"found unexpected end of stream|expected [a-z ',<>{}\[\]]+, but (found|got) '[<>a-z ,{}\[\]]+'"
)


class StrictLoader(yaml.SafeLoader):
    """A safe loader for which writing a key twice is an error instead of the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Make a mapping of what is there, once each."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError("a key is no plain word", None, None, key.start_mark)
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError("a key is there twice", None, None, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def yaml_problem(error: yaml.YAMLError | RecursionError) -> str:
    r"""Say what is wrong with YAML and where, without anything that was typed: that may be a secret.

    >>> try:
    ...     lines_of("http:\n\tport: 1")
    ... except yaml.YAMLError as error:
    ...     yaml_problem(error)
    'is not valid YAML at line 2, column 1 (a tab, where YAML wants blanks)'
    """
    if isinstance(error, RecursionError):
        return "is not valid YAML (it is nested too deeply, or an alias leads into itself)"
    mark = getattr(error, "problem_mark", None)
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = str(getattr(error, "problem", None) or "")
    if "found character '\\t'" in problem:
        why = "a tab, where YAML wants blanks"
    elif _HARMLESS.fullmatch(problem):
        why = problem
    else:
        why = getattr(error, "context", None) or "while reading it"
    return f"is not valid YAML{where} ({why})"


def lines_of(text: str) -> dict[tuple[str, ...], int]:
    r"""Return the line, from 1, on which each key of a document stands, by the keys that lead to it.

    Raises
    ------
    yaml.YAMLError
        It is no YAML.
    RecursionError
        It is nested too deeply, or an alias leads into itself.

    Examples
    --------
    >>> lines_of("http:\n  port: 8080")
    {('http',): 1, ('http', 'port'): 2}
    """
    loader = StrictLoader(text)
    found: dict[tuple[str, ...], int] = {}
    try:
        _note_lines(loader.get_single_node(), (), found)
    finally:
        loader.dispose()
    return found


def _note_lines(node: yaml.Node | None, under: tuple[str, ...], found: dict[tuple[str, ...], int]) -> None:
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            found[*under, str(number)] = item.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        path = (*under, str(key.value))
        found[path] = key.start_mark.line + 1
        _note_lines(value, path, found)
