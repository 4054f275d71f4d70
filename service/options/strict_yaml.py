"""YAML in which a key that is written twice is an error, and that knows on which line each key stands.

Which keys there may be is others' to check.
"""

from collections.abc import Hashable
from typing import Any

import yaml


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
