"""What can be set of a detector: read off its constructor and what its docstring says of each parameter.

Whether a value that somebody has set fits is left to the settings.
"""

import inspect
import re
from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast, get_type_hints

GIVEN = frozenset({"max_identities", "max_actions", "locate", "looks", "watched"})
"""Parameters that are no options: the service gives these to each detector that takes them."""


class Option(NamedTuple):
    """One option of a detector: its name, the type of its value, its default, and what it is for."""

    name: str
    type: Any
    default: Any
    text: str


def options(detector: Callable[..., object]) -> tuple[Option, ...]:
    """Return the options of a detector's own, in the order of its constructor.

    >>> from models.detectors.dormant import Dormant
    >>> [option.name for option in options(Dormant)]
    ['explain_from', 'half_life_days', 'sensitive']
    """
    hints, texts = get_type_hints(getattr(detector, "__init__")), _described(detector)  # noqa: B009 - of any callable
    return tuple(
        Option(name, hints[name], parameter.default, texts.get(name, ""))
        for name, parameter in inspect.signature(detector).parameters.items()
        if name not in GIVEN
    )


def takes(detector: Callable[..., object], parameter: str) -> bool:
    """Whether the service may give it that parameter.

    >>> from models.detectors.unusual_city import UnusualCity
    >>> takes(UnusualCity, "locate"), takes(UnusualCity, "max_actions")
    (True, False)
    """
    # That a class can be hashed is more than its protocol says.
    return parameter in _parameters(cast("Hashable", detector))


@lru_cache(maxsize=128)
def _parameters(detector: Any) -> frozenset[str]:
    return frozenset(inspect.signature(detector).parameters)


def _described(detector: Callable[..., object]) -> Mapping[str, str]:
    """Return what each parameter is for, as the nearest docstring with a section on parameters says."""
    lines = next(
        (
            inspect.cleandoc(kind.__doc__)
            for kind in getattr(detector, "__mro__", ())
            if kind.__doc__ and "\nParameters\n" in inspect.cleandoc(kind.__doc__).replace("    ", "")
        ),
        "",
    )
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", lines, re.DOTALL | re.MULTILINE)
    found = re.findall(r"^(\w[\w, ]*)\n((?:[ ]{4}.*\n?)+)", section[1] if section else "", re.MULTILINE)
    return {
        option: " ".join(line.strip() for line in text.splitlines() if line.strip())
        for names, text in found
        for option in names.split(", ")
    }
