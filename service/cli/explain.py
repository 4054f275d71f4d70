"""``unwonted explain``: how a saved state would judge an identity's action, with the numbers behind it, for people.

Judging is the engine's business.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from models.detectors import Anomaly
from models.stream import Json
from service.cli.epilog import ending
from service.cli.inputs import (
    MISCONFIGURED,
    READING_STATE,
    config_option,
    fail,
    read_settings,
    read_state,
    snapshot_option,
)
from service.core.engine import Explanation, UnknownActor, explain
from service.sinks import clean

_NAME, _ACTION, _SENTENCE = 100, 200, 1_000
_AN_OPERATION = "an operation as alerts show it, such as Microsoft.Authorization/locks/delete"
_CALLED = {"changes": "score with more"}


@click.command(
    "explain",
    short_help="Say how usual an action would be for an identity, and why.",
    epilog=ending(
        f"{READING_STATE}, or nobody of that name",
        "explain ann@contoso.com Microsoft.Authorization/roleAssignments/write",
        "explain ann Microsoft.KeyVault/vaults/delete --failed --config unwonted.yaml",
        "explain ann Microsoft.KeyVault/vaults/delete --at 3 --from 203.0.113.7",
    ),
)
@config_option
@snapshot_option
@click.argument("actor")
@click.argument("action")
@click.option("--failed", is_flag=True, help="As if it had been denied.")
@click.option("--at", "hour", type=click.IntRange(0, 23), help="As if at that hour of the day, UTC; now, if not given.")
@click.option("--from", "address", default="", metavar="ADDRESS", help="As if from that address.")
def explain_command(
    path: Path | None,
    snapshot: Path | None,
    actor: str,
    action: str,
    failed: bool,
    hour: int | None,
    address: str,
) -> None:
    """Say what would be thought of ACTOR doing ACTION once, and why.

    ACTOR is an id, a name, or what stands before the @ of a name, if nobody else has that.
    """
    if not action.strip():
        fail(f"ACTION should be {_AN_OPERATION}", MISCONFIGURED)
    engine, _ = read_state(read_settings(path), snapshot)
    try:
        answer = explain(engine, actor, action, failed=failed, hour=hour, address=address)
    except UnknownActor as error:
        fail(clean(str(error), _SENTENCE), MISCONFIGURED)
    click.echo("\n".join(explanation(answer)))


def explanation(answer: Explanation) -> Iterator[str]:
    """Yield the lines that say what each detector thinks, against which threshold, and on which numbers."""
    who, action = clean(answer.actor.name, _NAME), clean(answer.action, _ACTION)
    yield f"{who} ({_words(answer.actor.kind)}), {action}, as of {answer.time:%Y-%m-%d %H:%M} UTC"
    if not answer.is_known:
        near = f"; it should be {_AN_OPERATION}" if "/" not in action else ""
        near = "; near: " + ", ".join(clean(one, _ACTION) for one in answer.near) if answer.near else near
        yield f"nobody is known to have ever done this: it is judged as an operation new to all{near}"
    for anomaly in sorted(answer.anomalies, key=lambda one: -one.score):
        yield ""
        yield from _opinion(anomaly, answer.thresholds[anomaly.detector], answer.counterfactuals)
    if silent := sorted(answer.thresholds.keys() - {one.detector for one in answer.anomalies}):
        yield ""
        yield from (f"{name}: nothing to say (threshold {answer.thresholds[name]:g})" for name in silent)


def _opinion(anomaly: Anomaly, threshold: float, counterfactuals: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines about one detector."""
    alerts = anomaly.score >= threshold
    against = (
        f"reaches its threshold of {threshold:g}: would alert" if alerts else f"below its threshold of {threshold:g}"
    )
    yield f"{anomaly.detector}: score {anomaly.score:.1f} ({anomaly.severity}), {against}"
    yield f"  {clean(anomaly.why, _SENTENCE)}" if anomaly.why else "  Nothing unusual."
    if anomaly.detector in counterfactuals:
        yield f"  {counterfactuals[anomaly.detector]}"
    facts = anomaly.evidence
    terms = facts.get("terms")
    said = {name: value for name, value in terms.items() if value} if isinstance(terms, Mapping) else {}
    rows = {"surprise": f"{anomaly.surprise:.2f}" + (f": {_readable(said)}" if said else "")}
    for name, value in facts.items():
        if name not in rows and name != "terms" and value not in (None, [], {}):
            rows[_CALLED.get(name) or _words(name)] = _readable(value)
    width = max(map(len, rows))
    yield from (f"  {name:<{width}}  {text}" for name, text in rows.items())


def _readable(value: Json | Mapping[str, Any]) -> str:
    """Return a value of the evidence as people write it.

    >>> _readable({"own": 0.000782, "attempts": 12345, "days": [[1, 3.55], [2, 1.0]], "denied": True, "usual": None})
    'own 0.000782, attempts 12,345, days (1: 3.55, 2: 1), denied yes, usual none'
    """
    match value:
        case None | []:
            text = "none"
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:,.0f}" if abs(value) >= 1_000.0 else f"{value:.3g}"
        case int():
            text = f"{value:,}"
        case Mapping():
            text = ", ".join(f"{_words(str(key))} {_inner(one)}" for key, one in value.items())
        case [[_, _], *_]:  # sizes of a change, each with the score that it would lead to
            text = ", ".join(": ".join(map(_inner, one)) if isinstance(one, list) else _inner(one) for one in value)
        case list():
            text = ", ".join(map(_inner, value))
        case _:
            text = clean(str(value), _ACTION)
    return text


def _inner(value: Json) -> str:
    """Return a value inside another one, in brackets if it has commas of its own."""
    text = _readable(value)
    return f"({text})" if isinstance(value, dict | list) and text != "none" else text


def _words(name: str) -> str:
    return name.replace("_", " ")
