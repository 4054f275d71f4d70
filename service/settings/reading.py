"""Reads the file and the environment into `Settings`, or reports everything that is wrong with them, a line each.

Lines never repeat a value, because any may be a secret typed into the wrong place. The environment is merged into the
file's content before anything is checked, so that a misspelt variable is found by the same rule as a misspelt key: both
are options that do not exist.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from models.detectors import DETECTORS
from service.options import StrictLoader, lines_of
from service.settings.detectors import DetectorSettings
from service.settings.root import Settings
from service.sinks import KINDS

VARIABLE_PREFIX = "UNWONTED_"
NOT_OPTIONS = frozenset({"UNWONTED_CONFIG", "UNWONTED_SHARED"})
"""Variables with our prefix and another purpose: the path of the file, and recorded data for the tests."""

# Kubernetes sets variables for each service in the namespace, and one of them may well be called unwonted.
_SERVICE_LINK = re.compile(r"UNWONTED(_[A-Z0-9]+)*_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")

_PLAIN = {
    "int_": "should be a whole number",
    "float_": "should be a number",
    "bool_": "should be true or false",
    "string_type": "should be a text",
}

Keys = tuple[str, ...]


class SettingsError(Exception):
    """The configuration is wrong; `lines` say where and how, one problem each, without any value."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read settings.

    Parameters
    ----------
    path
        The YAML file; None for defaults and environment alone.
    environ
        The environment: ``UNWONTED_HTTP__PORT`` is ``http.port`` and goes before the file. Lists are separated by
        commas; an empty variable counts as absent.

    Raises
    ------
    SettingsError
        If the file is missing or no YAML, or any option is unknown, misspelt or out of range.
    """
    tree, lines = _read_file(path) if path is not None else ({}, {})
    variables, problems = _overlay(tree, environ)
    file = _File(path.name if path is not None else "settings", lines)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            problems += _lines(details, variables, file)
        raise SettingsError(problems) from None  # pydantic's own text would quote what was typed
    if problems:
        raise SettingsError(problems)
    return settings


class _File(NamedTuple):
    """What to call the file, and on which line each option of it stands."""

    name: str
    lines: Mapping[Keys, int]

    def at(self, path: Keys, text: str) -> str:
        """Say something of an option, with the line on which it, or else the nearest section around it, stands."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}: line {self.lines[path]}, {text}" if path else f"{self.name}: {text}"


def _read_file(path: Path) -> tuple[dict[str, Any], dict[Keys, int]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        data, lines = yaml.load(text, StrictLoader), lines_of(text)  # noqa: S506 - a SafeLoader, made stricter
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: is not UTF-8 text"]) from None
    except yaml.YAMLError as error:
        # The problem's own text may quote what was typed; its context and place do not.
        mark = getattr(error, "problem_mark", None)
        context = getattr(error, "context", None) or "while reading it"
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SettingsError([f"{path}: is not valid YAML{where} ({context})"]) from None
    if data is None:
        return {}, {}
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise SettingsError([f"{path}: should be a mapping of sections, such as http: {{port: 8080}}"])
    # A section whose options are all commented out is read as nothing at all.
    return {key: value for key, value in data.items() if value is not None}, lines


def _overlay(tree: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[Keys, str], list[str]]:
    """Merge variables into `tree`; returns which option came from which variable, and a line for each unknown one."""
    variables: dict[Keys, str] = {}
    problems = []
    for name, value in sorted(environ.items()):
        ours = name.upper().startswith(VARIABLE_PREFIX) and name not in NOT_OPTIONS
        if not ours or not value or _is_service_link(name, value):
            continue
        path = tuple(name[len(VARIABLE_PREFIX) :].lower().split("__"))
        branch: Any = tree
        for key in path[:-1]:
            branch = branch.setdefault(key, {}) if isinstance(branch, dict) else None
            if branch is None:
                break
        if isinstance(branch, dict) and not isinstance(branch.get(path[-1]), dict):
            branch[path[-1]] = value
            variables[path] = name
        else:
            problems.append(f"{name}: {_nearest_variable(path)}")
    return variables, problems


def _is_service_link(name: str, value: str) -> bool:
    if not _SERVICE_LINK.fullmatch(name) or "__" in name:
        return False
    return not name.endswith("_PORT") or name.endswith("_SERVICE_PORT") or "://" in value


def _lines(details: ErrorDetails, variables: Mapping[Keys, str], file: _File) -> Iterator[str]:
    """Yield one error of pydantic's as lines that say where in the file, or in which variable, the mistake is."""
    path = _path(details)
    where = variables.get(path) or (file.at(path, ".".join(path)) if path else file.name)
    match details["type"]:
        case "extra_forbidden":
            yield _unknown_option(path, where, variables)
        case "value_error":
            for line in str(details.get("ctx", {}).get("error", details["msg"])).split("\n"):
                names_option = not path or line.startswith(f"{'.'.join(path)}.")
                named = tuple(line.partition(" ")[0].rstrip(":").split("."))
                yield file.at(named, line) if names_option else f"{where}: {line}"
        case "union_tag_not_found" | "union_tag_invalid":
            kind = (*path, "kind")
            where = variables.get(kind) or file.at(kind, ".".join(kind))
            yield f"{where}: should be one of {', '.join(KINDS)}{_nearest_kind(details)}"
        case "model_type" | "dict_type" | "model_attributes_type":
            yield f"{where}: should be a mapping with options below it"
        case kind:
            plain = next((text for begin, text in _PLAIN.items() if kind.startswith(begin)), None)
            yield f"{where}: {plain or details['msg'].removeprefix('Input ')}"


def _nearest_kind(details: ErrorDetails) -> str:
    near = get_close_matches(str(details.get("ctx", {}).get("tag", "")).lower(), KINDS, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _path(details: ErrorDetails) -> Keys:
    path = tuple(str(part) for part in details["loc"])
    if path[:1] == ("sinks",) and path[2:3] and path[2] in KINDS:
        return (*path[:2], *path[3:])  # pydantic names the kind of a sink as if it were a key
    return path


def _unknown_option(path: Keys, where: str, variables: Mapping[Keys, str]) -> str:
    """Say that an option does not exist: of a whole section that only the environment sets, by its first variable."""
    given = path if path in variables else next((option for option in variables if option[: len(path)] == path), None)
    if given is None:
        return f"{where}: {_nearest_key(path)}"
    return f"{variables[given]}: {_nearest_variable(given)}"


def option_paths(model: type[BaseModel] = Settings, under: Keys = ()) -> Iterator[Keys]:
    """Yield every option there is; a sink of each kind stands under its kind's name."""
    for name, field in model.model_fields.items():
        path = (*under, name)
        if path == ("detectors",):
            for detector in DETECTORS:
                yield from option_paths(DetectorSettings, (*path, detector))
        elif path == ("sinks",):
            for kind, integration in KINDS.items():
                yield from option_paths(integration.settings, (*path, kind))
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from option_paths(field.annotation, path)
        else:
            yield path


def _siblings(path: Keys) -> list[str]:
    """Names that could stand where the last key of `path` stands."""
    if path[:1] == ("sinks",) and len(path) > 2:
        return sorted({name for one in KINDS.values() for name in one.settings.model_fields})
    depth = len(path) - 1
    return list(
        dict.fromkeys(known[depth] for known in option_paths() if known[:depth] == path[:depth] and len(known) > depth)
    )


def _nearest_key(path: Keys) -> str:
    siblings = _siblings(path)
    known = [".".join(option) for option in option_paths()]
    # The right name in the wrong section is a likelier slip than a misspelling that happens to be an option.
    near = [option for option in known if option.endswith(f".{path[-1]}") and not option.startswith("sinks.")][:1]
    near = near or [".".join((*path[:-1], name)) for name in get_close_matches(path[-1], siblings, n=1)]
    near = near or get_close_matches(".".join(path), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"no such option{hint} (there are {', '.join(siblings)})"


def _nearest_variable(path: Keys) -> str:
    known = {variable_name(option) for option in option_paths()}
    if path[:1] == ("sinks",) and len(path) > 2:
        known |= {variable_name(("sinks", path[1], *option[2:])) for option in option_paths() if option[0] == "sinks"}
    near = get_close_matches(variable_name(path), sorted(known), n=1)
    return "no such option" + (f"; did you mean {near[0]}?" if near else "; options look like UNWONTED_HTTP__PORT")


def variable_name(path: Keys) -> str:
    """Return the environment variable of an option.

    >>> variable_name(("http", "port"))
    'UNWONTED_HTTP__PORT'
    """
    return VARIABLE_PREFIX + "__".join(path).upper()
