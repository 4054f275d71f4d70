"""Reads the file and the environment into `Settings`, or reports everything that is wrong with them, a line each.

The environment is merged into the file's content before anything is checked, so that a misspelt variable is found by
the same rule as a misspelt key: both are options that do not exist. What is wrong is for `mistakes` to say.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from service.options import StrictLoader, lines_of, yaml_problem
from service.settings.mistakes import Mistake, Origins, check
from service.settings.names import VARIABLE_PREFIX, Keys, is_variable, no_such_variable
from service.settings.root import Settings

# Kubernetes sets variables for each service in the namespace, and one of them may well be called unwonted.
_SERVICE_LINK = re.compile(r"UNWONTED(_[A-Z0-9]+)*_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")


class SettingsError(Exception):
    """The configuration is wrong.

    Attributes
    ----------
    lines
        Where and how, one problem each, without any value.
    rest
        The settings without what is wrong, which is none to run with; None where nothing could be read.
    wrong
        The options that are left out of it.
    """

    def __init__(self, lines: Iterable[str], rest: Settings | None = None, wrong: Iterable[Keys] = ()) -> None:
        self.lines = list(lines)
        self.rest = rest
        self.wrong = frozenset(wrong)
        super().__init__("\n".join(self.lines))

    def leaves_open(self, line: str) -> bool:
        """Whether a line about an option of the rest would be said as well if nothing else was wrong.

        >>> SettingsError([], wrong=[("event_hub", "hub")]).leaves_open("event_hub: No Event Hub to read from")
        False
        """
        option = tuple(line.partition(": ")[0].split("."))
        return not any(option == one[: len(option)] or one == option[: len(one)] for one in self.wrong)


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
    variables, misplaced = _overlay(tree, environ)
    origins = Origins(path.name if path is not None else "settings", lines, variables)
    settings, mistakes, wrong = check(tree, origins)
    if mistakes or misplaced or settings is None:
        told = [one.text for one in sorted([*mistakes, *misplaced])]
        raise SettingsError(told, settings, wrong) from None
    return settings


def _read_file(path: Path) -> tuple[dict[str, Any], dict[Keys, int]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        data, lines = yaml.load(text, StrictLoader), lines_of(text)  # noqa: S506 - a SafeLoader, made stricter
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: is not UTF-8 text"]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise SettingsError([f"{path}: {yaml_problem(error)}"]) from None
    if data is None:
        return {}, {}
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise SettingsError([f"{path}: should be a mapping of sections, such as http: {{port: 8080}}"])
    # A section whose options are all commented out is read as nothing at all.
    return {key: value for key, value in data.items() if value is not None}, lines


def _overlay(tree: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[Keys, str], list[Mistake]]:
    """Merge variables into `tree`; returns which option came from which variable, and those that fit nowhere."""
    variables: dict[Keys, str] = {}
    misplaced = []
    for name, value in sorted(environ.items()):
        if not is_variable(name) or not value or _is_service_link(name, value):
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
            misplaced.append(Mistake((1, 0, name), f"{name}: {no_such_variable(path)}", (), ()))
    return variables, misplaced


def _is_service_link(name: str, value: str) -> bool:
    if not _SERVICE_LINK.fullmatch(name) or "__" in name:
        return False
    return not name.endswith("_PORT") or name.endswith("_SERVICE_PORT") or "://" in value
