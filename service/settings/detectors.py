"""The detectors that can be configured, and the options of their own: both are read off the detectors themselves."""

import math
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from models.detectors import DETECTORS, options
from service.core.alerting import DEFAULT_THRESHOLD
from service.options import Section


class DetectorSettings(Section):
    """What every detector has."""

    enabled: bool = True
    """Whether the detector learns and alerts."""
    threshold: float = Field(default=DEFAULT_THRESHOLD, ge=0.0, le=100.0)
    """Least score that alerts, or where a budget starts from: 50, 75, 100 are one in 100, 1,000, 10,000 user-days."""
    options: dict[str, JsonValue] = Field(default={}, examples=[{}])
    """The detector's own options, as docs/detections.md has them."""


def default_threshold(name: str) -> float:
    """Return the threshold that a detector comes with."""
    return DETECTORS[name].declaration.threshold


@cache
def own_options(name: str) -> Mapping[str, TypeAdapter[object]]:
    """Return the options of a detector's own, and what checks the value of each.

    >>> "half_life_days" in own_options("rare_action")
    True
    """
    return {option.name: TypeAdapter(option.type) for option in options(DETECTORS[name])}


def arguments(name: str, detector: DetectorSettings) -> dict[str, object]:
    """Return a detector's own options as its constructor takes them.

    >>> arguments("rare_action", DetectorSettings(options={"half_life_days": "14"}))
    {'half_life_days': 14.0}
    """
    known = own_options(name)
    return {option: known[option].validate_python(value) for option, value in detector.options.items()}


def check_detectors(detectors: Mapping[str, DetectorSettings]) -> list[str]:
    """Say what is wrong with names and own options of detectors, a line each, without any value."""
    problems = []
    for name, detector in sorted(detectors.items()):
        if name not in DETECTORS:
            problems.append(f"detectors.{name}: {_unknown('detector', name, DETECTORS)}")
            continue
        known = own_options(name)
        for option, value in detector.options.items():
            where = f"detectors.{name}.options.{option}"
            if option not in known:
                problems.append(f"{where}: {_unknown('option', option, known)}")
                continue
            try:
                checked = known[option].validate_python(value)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                problems.append(f"{where}: {first['msg'].removeprefix('Input ')}")
                continue
            # Python's own types know no bounds, and a half-life of nothing would divide by it.
            if isinstance(checked, float) and not (0.0 <= checked < math.inf):
                problems.append(f"{where}: should be a number, and not negative")
            elif option == "half_life_days" and checked == 0.0:
                problems.append(f"{where}: should be longer than nothing")
    return problems


def _unknown(kind: str, name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"no such {kind}" + (f"; did you mean {near[0]}?" if near else "") + f" (there are {', '.join(known)})"
