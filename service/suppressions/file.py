"""Reads suppressions from YAML: the whole file or nothing of it, and if nothing, a line for each thing that is wrong.

A line names the file, the line in it, the entry and the key. What may stand in an entry is decided in `entry`;
the file is changed by `edits`.
"""

from datetime import datetime
from typing import Any

import yaml

from service.core.alerting import Suppression, UnusableSuppressions
from service.options import StrictLoader, yaml_problem
from service.suppressions.entry import Checked, quoted

MOST_ENTRIES = 1_000
MOST_BYTES = 1_000_000

_EMPTY = "should be a mapping with the list suppressions: in it (suppressions: [] if there are none)"


class _PlainLoader(StrictLoader):
    """Reads numbers and times as the text that was written: a ticket may well be 2026, and a time is ours to check."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in {"bool", "null", "merge"}]
    for first, resolvers in StrictLoader.yaml_implicit_resolvers.items()
}


def read_suppressions(data: bytes, place: str, now: datetime) -> list[Suppression]:
    """Return the entries of a file, in order.

    Parameters
    ----------
    data
        The file.
    place
        What to call it.
    now
        No suppression may end more than 90 days after it, or after its own beginning. What is allowed now is for ever.

    Raises
    ------
    UnusableSuppressions
        Anything is wrong with any of them.
    """
    entries: list[Suppression] = []
    problems: list[str] = []
    places: dict[str, int] = {}
    for number, (line, values) in enumerate(_entries(data, place)):
        where = f"{place}: line {line}, suppressions[{number}]"
        checked = Checked(where, values, now)
        problems += checked.problems
        if checked.entry is None:
            continue
        entries.append(checked.entry)
        twin = places.setdefault(checked.entry.id, number)
        if twin != number:
            problems.append(
                f"{where}: covers what suppressions[{twin}] covers, from the same time on: keep one of them"
            )
    if problems:
        raise UnusableSuppressions(problems)
    return entries


def _entries(data: bytes, place: str) -> list[tuple[int, Any]]:
    """Return each entry with the line on which it begins."""
    try:
        root, tree = _tree(data)
        entries = _list(tree)
    except ValueError as error:
        raise UnusableSuppressions([f"{place}: {error}"]) from None
    nodes = sequence_of(root)
    return [
        (node.start_mark.line + 1, entry) for node, entry in zip(nodes.value if nodes else (), entries, strict=True)
    ]


def _tree(data: bytes) -> tuple[yaml.Node, Any]:
    if len(data) > MOST_BYTES:
        raise ValueError(f"has more than {MOST_BYTES:,} bytes, which is the most that is read")
    try:
        return parse(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(yaml_problem(error)) from None


def _list(tree: Any) -> list[Any]:
    if not isinstance(tree, dict) or "suppressions" not in tree:
        raise ValueError(_EMPTY)
    if more := [key for key in tree if key != "suppressions"]:
        raise ValueError(f"{quoted(more[0])}: no such key; {_EMPTY}")
    entries = tree["suppressions"]
    if entries is None:  # all of them are commented out
        return []
    if not isinstance(entries, list):
        raise ValueError("suppressions: should be a list, each entry beginning with a dash")  # noqa: TRY004 - the file's value
    if len(entries) > MOST_ENTRIES:
        raise ValueError(f"suppressions: has {len(entries):,} entries; {MOST_ENTRIES:,} at most are allowed")
    return entries


def parse(text: str) -> tuple[yaml.Node, Any]:
    """Return a file's nodes, which know their places, and what they hold.

    Raises
    ------
    yaml.YAMLError, ValueError, RecursionError
        It is no YAML.
    """
    loader = _PlainLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return yaml.MappingNode("tag:yaml.org,2002:map", []), None
        return root, loader.construct_document(root)
    finally:
        loader.dispose()


def sequence_of(root: yaml.Node) -> yaml.SequenceNode | None:
    """Return the node of the list; None if there is none yet."""
    value = next((value for key, value in root.value if key.value == "suppressions"), None)
    return value if isinstance(value, yaml.SequenceNode) else None
