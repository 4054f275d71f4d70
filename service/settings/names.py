"""What every option is called, in the file and in the environment, and which one was probably meant by another name.

Whether a value fits its option is left to `mistakes`.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from pydantic import BaseModel

from models.detectors import DETECTORS
from service.settings.detectors import DetectorSettings
from service.settings.root import Settings
from service.settings.watch import WatchEntry
from service.sinks import KINDS

VARIABLE_PREFIX = "UNWONTED_"
NOT_OPTIONS = frozenset({"UNWONTED_CONFIG", "UNWONTED_SHARED"})
"""Variables with our prefix and another purpose: the path of the file, and recorded data for the tests."""

Keys = tuple[str, ...]


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


def variable_name(path: Keys) -> str:
    """Return the environment variable of an option.

    >>> variable_name(("http", "port"))
    'UNWONTED_HTTP__PORT'
    """
    return VARIABLE_PREFIX + "__".join(path).upper()


def is_variable(name: str) -> bool:
    """Whether a variable of the environment claims to be an option, by how its name begins.

    >>> is_variable("UNWONTED_HTTP__PORT"), is_variable("UNWONTED_CONFIG")
    (True, False)
    """
    return name.upper().startswith(VARIABLE_PREFIX) and name not in NOT_OPTIONS


def names_in(section: Keys, kind: str = "") -> list[str]:
    """Return the names that could stand in a section; in a sink, those of its kind, or of any if that is not known.

    >>> names_in(("http",))
    ['host', 'port']
    """
    if section[:1] == ("sinks",) and len(section) > 1:
        kinds = [KINDS[kind]] if kind in KINDS else KINDS.values()
        return sorted({name for one in kinds for name in one.settings.model_fields})
    if section[:2] == ("watch", "entries") and len(section) > 2:
        return list(WatchEntry.model_fields)
    depth = len(section)
    return list(
        dict.fromkeys(known[depth] for known in option_paths() if known[:depth] == section and len(known) > depth)
    )


def no_such_option(path: Keys, kind: str = "") -> str:
    """Say of a key in the file that it is none, what may have been meant, and what there is."""
    siblings = names_in(path[:-1], kind)
    if elsewhere := _of_another_kind(path, kind):
        return f"{elsewhere} (there are {', '.join(siblings)})"
    near = [".".join((*path[:-1], name)) for name in get_close_matches(path[-1], siblings, n=1)]
    if path[0] != "sinks":
        known = [".".join(option) for option in option_paths()]
        # The right name in the wrong section is a likelier slip than a misspelling that happens to be an option.
        moved = [one for one in known if one.endswith(f".{path[-1]}") and not one.startswith("sinks.")][:1]
        near = moved or near or get_close_matches(".".join(path), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"no such option{hint} (there are {', '.join(siblings)})"


def no_such_variable(path: Keys, kind: str = "") -> str:
    """Say the same of the option that a variable seems to name."""
    if elsewhere := _of_another_kind(path, kind):
        return f"{elsewhere} (there are {', '.join(names_in(path[:-1], kind))})"
    if not (near := _nearest_of_a_sink(path, kind)):
        known = sorted({variable_name(option) for option in option_paths()} | {f"{VARIABLE_PREFIX}CONFIG"})
        near = get_close_matches(variable_name(path), known, n=1)
    return "no such option" + (f"; did you mean {near[0]}?" if near else "; options look like UNWONTED_HTTP__PORT")


def nearest_kind(*given: str) -> str:
    """Return the kind of sink that was probably meant by one of these words; nothing if none looks like it.

    >>> nearest_kind("slakc"), nearest_kind("MS-Teams"), nearest_kind("carrier_pigeon", "soc")
    ('slack', 'teams', '')
    """
    for word in map(str.lower, given):
        if near := [kind for kind in KINDS if kind in word] or get_close_matches(word, KINDS, n=1):
            return near[0]
    return ""


def _of_another_kind(path: Keys, kind: str) -> str:
    if path[0] != "sinks" or len(path) != 3 or kind not in KINDS:
        return ""
    having = [one for one, integration in KINDS.items() if path[2] in integration.settings.model_fields]
    return f"no such option; {', '.join(having)} has it, {kind} has not" if having else ""


def _nearest_of_a_sink(path: Keys, kind: str) -> list[str]:
    """Return the variable of a sink's option that was probably meant; a sink's name is anybody's choice, and kept."""
    options = names_in(("sinks", ""), kind)
    if get_close_matches(path[0].strip("_"), ["sinks"]) and len(path) == 3:
        return [variable_name(("sinks", path[1], one)) for one in get_close_matches(path[2], options, n=1)]
    found = re.fullmatch(rf"sinks?_+(\w+?)_+({'|'.join(options)})", "__".join(path).strip("_"))
    return [variable_name(("sinks", found[1], found[2]))] if found else []


def by_variable(line: str, environ: Mapping[str, str]) -> str:
    """Return a line that begins with an option, which is named by its variable instead if the environment has set it.

    >>> by_variable("geography.database: not there", {"UNWONTED_GEOGRAPHY__DATABASE": "x"})
    'UNWONTED_GEOGRAPHY__DATABASE: not there'
    """
    option, colon, rest = line.partition(": ")
    variable = variable_name(tuple(option.split(".")))
    return f"{variable}{colon}{rest}" if environ.get(variable) else line
