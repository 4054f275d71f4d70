"""Everything that is wrong with what was read, a line each, with where it stands; and what is right, by itself.

A section is checked as a whole only where each option in it is right, and sections together only where each of them is.
So what is wrong is taken out, and the rest is checked again; what would not be wrong without that is not told.
Lines never repeat a value, because any may be a secret typed into the wrong place.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from service.settings.names import (
    Keys,
    names_in,
    nearest_kind,
    no_such_option,
    no_such_variable,
)
from service.settings.root import Settings
from service.sinks import KINDS

_PLAIN = {
    "int_": "should be a whole number",
    "float_": "should be a number",
    "bool_": "should be true or false",
    "string_type": "should be a text",
    "model_type": "should be a mapping with options below it",
    "dict_type": "should be a mapping with options below it",
    "model_attributes_type": "should be a mapping with options below it",
}
_Order = tuple[int, int, str]
"""By line, and what variables are wrong after the file."""

_OPTION = re.compile(rf"\b(?:{'|'.join(Settings.model_fields)})(?:\.\w+)+")


class Origins(NamedTuple):
    """Where each option was given: on which line of the file, or in which variable, which goes before the file."""

    file: str
    lines: Mapping[Keys, int]
    variables: Mapping[Keys, str]

    def line(self, path: Keys) -> int | None:
        """Return the line that gave an option; None if the file did not, or a variable went before it."""
        return None if path in self.variables else self.lines.get(path)


class Mistake(NamedTuple):
    """One thing that is wrong.

    Attributes
    ----------
    order
        Where it comes among the others.
    text
        The line that tells it.
    about
        The options that it speaks of: if one of them is wrong by itself, this only follows from it.
    culprits
        What has to go for the rest to be checked.
    kind
        The kind of sink to check the rest of a sink as, where it has a wrong one.
    """

    order: _Order
    text: str
    about: tuple[Keys, ...]
    culprits: tuple[Keys, ...]
    kind: str = ""


def check(tree: dict[str, Any], origins: Origins) -> tuple[Settings | None, list[Mistake], list[Keys]]:
    """Return what is right of `tree`, what is wrong, and the options that had to be left out; `tree` is used up."""
    found: list[Mistake] = []
    gone: list[Keys] = []
    while True:
        try:
            return Settings.model_validate(tree), found, gone
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
        mistakes = [one for each in details for one in _mistakes(each, tree, origins)]
        found += [one for one in mistakes if not any(path[: len(out)] == out for path in one.about for out in gone)]
        before = len(gone)
        for one in mistakes:
            gone += [out for path in one.culprits if (out := _take_out(tree, path, one.kind))]
        if len(gone) == before:
            return None, found, gone


def _take_out(tree: dict[str, Any], path: Keys, instead: str) -> Keys:
    """Take what stands at `path` out of `tree`, or what is around it; returns what has gone, nothing if it had."""
    for depth in range(len(path), 0, -1):
        branch = _at(tree, path[: depth - 1])
        if isinstance(branch, dict) and path[depth - 1] in branch:
            del branch[path[depth - 1]]
            if instead and depth == len(path):
                branch[path[-1]] = instead
            return path[:depth]
    return ()


def _at(tree: object, path: Keys) -> object:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _mistakes(details: ErrorDetails, tree: dict[str, Any], origins: Origins) -> Iterator[Mistake]:
    """Yield one error of pydantic's as what a reader has to know."""
    path, kind = _path_and_kind(details)
    match details["type"]:
        case "extra_forbidden":
            yield from _unknown(path, kind, origins)
        case "value_error":
            for line in str(details.get("ctx", {}).get("error", details["msg"])).split("\n"):
                yield _own_check(line, path, kind, tree, origins)
        case "union_tag_not_found" | "union_tag_invalid" as missing:
            given = str(details.get("ctx", {}).get("tag", ""))
            yield _wrong_kind((*path, "kind"), given, origins, missing=missing == "union_tag_not_found")
        case name:
            plain = next((text for begin, text in _PLAIN.items() if name.startswith(begin)), None)
            yield _mistake(path, plain or details["msg"].removeprefix("Input "), origins)


def _path_and_kind(details: ErrorDetails) -> tuple[Keys, str]:
    path = tuple(str(part) for part in details["loc"])
    if path[:1] == ("sinks",) and path[2:3] and path[2] in KINDS:
        return (*path[:2], *path[3:]), path[2]  # pydantic names the kind of a sink as if it were a key
    return path, ""


def _mistake(path: Keys, text: str, origins: Origins, **more: Any) -> Mistake:
    return Mistake(*_told(path, text, (path,), origins), (path,), (path,), **more)


def _told(
    path: Keys, text: str, about: tuple[Keys, ...], origins: Origins, *, named: bool = False
) -> tuple[_Order, str]:
    """Return a line with where to look, and its place among the others; `named`, if the text names a variable."""
    name, variable = ".".join(path), origins.variables.get(path)
    if variable is not None:
        return (1, 0, variable), f"{variable}: {text}"
    whole = f"{name}: {text}" if name else text
    line = next(filter(None, map(origins.line, (*about, path))), 0)
    while not line and path:
        if below := [one for key, one in origins.variables.items() if key[: len(path)] == path]:
            return (1, 0, below[0]), whole if named else f"{name} ({', '.join(below)}): {text}"
        path = path[:-1]
        line = origins.lines.get(path, 0)
    if named and not line:
        return (1, 0, text), text
    return (0, line, ""), f"{origins.file}: line {line}, {whole}" if line else f"{origins.file}: {whole}"


def _unknown(path: Keys, kind: str, origins: Origins) -> Iterator[Mistake]:
    """Yield that an option does not exist; of a whole section that only the environment sets, each of its variables."""
    below = [key for key in origins.variables if key[: len(path)] == path]
    if not below or path in origins.lines:
        yield _mistake(path, no_such_option(path, kind), origins)
    for key in below:
        yield _mistake(key, no_such_variable(key, kind), origins)


def _wrong_kind(path: Keys, given: str, origins: Origins, *, missing: bool) -> Mistake:
    near = nearest_kind(path[1]) if missing else nearest_kind(given)
    meant = f"kind: {near}" if missing else near
    text = "is missing; should" if missing else "should"
    hint = f"; did you mean {meant}?" if near else ""
    wrong = _mistake(path, f"{text} be one of {', '.join(KINDS)}{hint}", origins, kind=near)
    return wrong if near and not missing else wrong._replace(culprits=(path[:-1],), kind="")


def _own_check(line: str, path: Keys, kind: str, tree: dict[str, Any], origins: Origins) -> Mistake:
    """Return what a check of our own says: of an option, of an option that it names itself, or of several together."""
    head, _, rest = line.partition(": ")
    if path and head.startswith(f"{'.'.join(path)}."):
        named = tuple(head.split("."))
        wrong = _mistake(named, rest, origins)
        return wrong if _at(tree, named) is not None else wrong._replace(culprits=(path,))
    if path and not isinstance(_at(tree, path), dict):
        return _mistake(path, line, origins)
    # Names of options in the text: whole ones where sections contradict each other, those of its own in a section.
    pattern = re.compile(rf"\b(?:{'|'.join(names_in(path, kind))})\b") if path else _OPTION
    about = tuple((*path, *one.split(".")) for one in pattern.findall(line))
    text = pattern.sub(lambda one: origins.variables.get((*path, *one[0].split(".")), one[0]), line)
    given = tuple(one for one in about if _at(tree, one) is not None)
    return Mistake(*_told(path, text, about, origins, named=text != line), about, given or (path,))
