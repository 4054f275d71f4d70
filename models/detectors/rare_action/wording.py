"""Puts a rare action's numbers into words: one sentence of why, and one of what would have made it ordinary.

Words only; every number comes from the detector's evidence.
"""

from collections.abc import Mapping
from typing import Any

from models.detectors.counterfactual import least_below, more_of

_SAID = (
    ("network", 0.0, "it came from a network new to this identity"),
    ("hour", 0.3, "at an hour at which it is seldom active"),
    ("scope", 0.0, "in a subscription new to it"),
    ("sensitivity", 0.0, "the operation is a sensitive one"),
    ("evidence", 0.3, "other odd things happened around it"),
    ("campaign", 0.3, "in the last weeks it took up other things that an intruder needs"),
    ("company", 0.0, "though amid things that it has done before"),
    ("outcome", 0.0, "and it failed"),
)


def sentence(facts: Mapping[str, Any]) -> str:
    """Say in one sentence why a cell is unusual.

    >>> sentence({"days_known": 0, "identities": 9, "identities_with_action": 0, "usual": [],
    ...           "probability": {"times": 0.0}, "terms": {"action": 4.0, "outcome": 1.0}})
    'First seen now; none of 9 known identities ever did it; and it failed.'
    """
    terms = facts["terms"]
    parts = [_own(facts["days_known"], facts["probability"]["times"])]
    having, known = facts["identities_with_action"], facts["identities"]
    parts.append(f"{having or 'none'} of {known} known identities ever did it")
    if new := facts.get("newcomers_with_action", 0):
        parts[-1] += f", {new} of them newcomers, who make it no more usual"
    if facts["usual"]:
        parts.append("usually it does " + ", ".join(_short(action) for action in facts["usual"]))
    parts += [said for name, least, said in _SAID if abs(terms.get(name, 0.0)) > least]
    return "; ".join(parts) + "."


def _own(days: int, times: float) -> str:
    """Say how often it did this before, of which what is long ago counts for less than once.

    >>> _own(24, 0.0), _own(1, 0.0), _own(24, 0.4), _own(24, 0.9), _own(24, 2.4)
    ('Never in its 24 active days', 'Never in its one active day', 'Seldom, and not lately, in its 24 active days', \
'Only about once in its 24 active days', 'Only about 2 times in its 24 active days')
    """
    if not days:
        return "First seen now"
    if times < 0.01:
        often = "Never"
    elif times < 0.75:
        often = "Seldom, and not lately,"
    else:
        often = "Only about once" if times < 1.5 else f"Only about {times:.0f} times"
    return f"{often} in its {'one active day' if days == 1 else f'{days} active days'}"


def counterfactual(changes: Mapping[str, Any], threshold: float) -> str:
    """Say what would have made it ordinary, as far as habit and peers go.

    >>> counterfactual({"identities": [[1, 80.0], [2, 58.5]], "days": [[1, 70.0], [2, 65.0]]}, 61.0)
    'Would be ordinary if 2 more identities of its kind had done it.'
    """
    options = []
    if peers := least_below(changes["identities"], threshold):
        options.append(f"if {more_of(peers, 'identity')} of its kind had done it")
    if days := least_below(changes["days"], threshold):
        options.append(f"after doing it on {more_of(days, 'day')}")
    return f"Would be ordinary {' or '.join(options)}." if options else "No single change would make it ordinary."


def _short(action: str) -> str:
    return "/".join(action.split("/")[-2:])
