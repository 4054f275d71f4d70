"""Changes the text of a file of suppressions, leaving every other line of it, comments included, as it was.

Text in, text out; each result has been read back, so that no edit breaks a file. Writing it is the command's business.
"""

from datetime import datetime

import yaml

from service.core.alerting import Stage, Suppression, UnusableSuppressions
from service.suppressions.entry import described, written
from service.suppressions.file import parse, read_suppressions, sequence_of

NEW_FILE_HEADER = """\
# What is not to be told for a while; docs/operators.md says how. Times are those of the events.
suppressions:
"""
_BY_HAND = "{}: is written in a way that only people should change: do it by hand"


def add(text: str, entry: Suppression, place: str, now: datetime) -> str:
    """Return `text` with one more entry, at the end of the list.

    Parameters
    ----------
    text
        The file as it is; empty if there is none yet.
    entry
        To be added.
    place
        What to call the file.
    now
        The present.

    Raises
    ------
    UnusableSuppressions
        The file is broken already, has such an entry, or is written in a way that cannot be added to.
    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        return _read_back(NEW_FILE_HEADER + _lines(entry, "  "), [entry], place, now)
    expected = [*read_suppressions(text.encode(), place, now), entry]
    root, _ = parse(text)
    nodes = sequence_of(root)
    if nodes is None:
        at = _line_end(text, next(key for key, _ in root.value if key.value == "suppressions").end_mark.index)
        return _read_back(_inserted(text, at, _lines(entry, "  ")), expected, place, now)
    if not nodes.value:
        head, tail = text[: nodes.start_mark.index].rstrip(), text[nodes.end_mark.index :]
        return _read_back(f"{head}\n{_lines(entry, '  ').rstrip()}{tail}", expected, place, now)
    if nodes.flow_style:
        raise UnusableSuppressions([f"{place}: its list is written in one line, in brackets: add the entry by hand"])
    at = _line_end(text, _last(nodes).end_mark.index)
    return _read_back(_inserted(text, at, _lines(entry, " " * nodes.start_mark.column)), expected, place, now)


def expire(text: str, wanted: str, place: str, now: datetime) -> str:
    """Return `text` with the entry of the id `wanted` ending `now`.

    Raises
    ------
    UnusableSuppressions
        The file is broken already, has no such entry, or that one has not begun yet, or is over.
    """
    text = text.removeprefix("\ufeff")
    entries = read_suppressions(text.encode(), place, now)
    number = next((number for number, one in enumerate(entries) if one.id == wanted), None)
    if number is None:
        ids = ", ".join(one.id for one in entries) or "none"
        raise UnusableSuppressions([f"{place}: no suppression has the id {wanted}; there are {ids}"])
    stage = entries[number].stage(now)
    if stage is Stage.EXPIRED:
        raise UnusableSuppressions([f"{place}: {wanted} has expired already, {written(entries[number].until)}"])
    root, _ = parse(text)
    nodes = sequence_of(root)
    node = nodes.value[number] if nodes else None
    until = next((value for key, value in node.value if key.value == "until"), None) if node else None
    if stage is Stage.PLANNED or until is None or node is None:
        line = node.start_mark.line + 1 if node else 1
        why = "has not begun: take it out" if stage is Stage.PLANNED else "has its until from elsewhere: end it"
        raise UnusableSuppressions([f"{place}: {wanted} {why} by hand, at line {line}"])
    ended = text[: until.start_mark.index] + written(now) + text[until.end_mark.index :]
    expected = [one._replace(until=now) if one.id == wanted else one for one in entries]
    try:
        return _read_back(ended, expected, place, now)
    except UnusableSuppressions:
        raise UnusableSuppressions([_BY_HAND.format(place)]) from None


def _read_back(text: str, expected: list[Suppression], place: str, now: datetime) -> str:
    """Return `text` if it says what it should: an anchor, say, may carry a change to where it was not meant to go."""
    if read_suppressions(text.encode(), place, now) != expected:
        raise UnusableSuppressions([_BY_HAND.format(place)])
    return text


def as_yaml(entry: Suppression) -> str:
    """Return one entry as a file has it, to be put under its ``suppressions:``."""
    return _lines(entry, "  ")


def _lines(entry: Suppression, indent: str) -> str:
    rows = [
        f"{key}: {value if key in {'from', 'until', 'learn'} else _quoted(value)}" for key, value in described(entry)
    ]
    return "".join(f"{indent}{'- ' if at == 0 else '  '}{row}\n" for at, row in enumerate(rows))


def _quoted(value: str) -> str:
    """Return a text as YAML writes it on one line."""
    dumped: str = yaml.safe_dump(value, allow_unicode=True, width=10_000, default_style='"')
    return dumped.strip()


def _last(node: yaml.Node) -> yaml.Node:
    """Return the last scalar in `node`: where a list ends, comments after it not counted."""
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        child = node.value[-1]
        node = child[1] if isinstance(child, tuple) else child
    return node


def _line_end(text: str, at: int) -> int:
    """Return where the line that `at` stands on is over; `at` itself, if a line begins there."""
    if at and text[at - 1] == "\n":
        return at
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _inserted(text: str, at: int, lines: str) -> str:
    head = text[:at]
    return f"{head}{'' if head.endswith(chr(10)) else chr(10)}{lines}{text[at:]}"
