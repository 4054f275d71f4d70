"""What the command line writes: cells and alerts as lines of JSON, totals and thresholds as text."""

from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO

import msgspec

from models.detectors import Anomaly
from models.stream import ActorKind, RecordResult
from service.core.alerting import Alert, Outlook
from service.core.shadow import ATTACKS, VICTIM_KINDS, CaseCount, Origin, Recall
from service.replay import Summary
from service.sinks import StdoutSink

_line = msgspec.json.Encoder().encode


def cell_writer(file: BinaryIO, alerted: Callable[[Anomaly], bool]) -> Callable[[Iterable[Anomaly]], None]:
    """Return a function that writes judged cells to `file`, one JSON object a line."""

    def write(anomalies: Iterable[Anomaly]) -> None:
        for anomaly in anomalies:
            row = {
                "time": anomaly.cell.first_time.isoformat(),
                "detector": anomaly.detector,
                "actor": anomaly.actor.id,
                "actor_name": anomaly.actor.name,
                "action": anomaly.cell.action,
                "score": anomaly.score,
                "surprise": anomaly.surprise,
                "alerted": alerted(anomaly),
            }
            file.write(_line(row) + b"\n")

    return write


def alert_writer(sinks: Sequence[tuple[BinaryIO, StdoutSink]]) -> Callable[[Sequence[Alert]], None]:
    """Return a function that writes alerts to files, each in its sink's style."""

    def write(alerts: Sequence[Alert]) -> None:
        for file, sink in sinks:
            for message in sink.render(alerts):
                file.write(message.body.rstrip(b"\n") + b"\n")

    return write


def contents(summary: Summary) -> list[str]:
    """Say what was found, a line for each kind of document, and in which order its events were taken."""
    lines = []
    for kind, records, documents, order in summary.contents:
        within = f" in {documents:,} documents" if documents > 1 else ""
        lines.append(", ".join(filter(None, (kind, order, f"{records:,} record{'s' if records != 1 else ''}{within}"))))
    if summary.first:
        lines.append("taken as they arrived" if summary.by_arrival else "taken in order of time")
    return lines


def totals(summary: Summary) -> str:
    """Say in a few lines what a replay has read and found."""
    if summary.first is None or summary.last is None:
        return f"{summary.records:,} records, {summary.rejects:,} rejected, {left_out(summary)}: no events"
    results = summary.results
    days = (summary.last - summary.first).total_seconds() / 86_400
    return (
        f"{summary.records:,} records over {days:.1f} days: {results.get(RecordResult.OPERATION, 0):,} operations, "
        f"{results.get(RecordResult.DUPLICATE, 0):,} duplicates, {results.get(RecordResult.LATE, 0):,} late, "
        f"{results.get(RecordResult.TOO_LATE, 0):,} too late, {summary.clamped:,} from the future, "
        f"{summary.rejects:,} rejected, {left_out(summary)}\n"
        f"{summary.scored:,} cells judged, {summary.alerts:,} alerts"
    )


def left_out(summary: Summary) -> str:
    """Say how many records are nobody's activities, and what they are.

    >>> from service.core.parsing import LeftOut
    >>> left_out(Summary(9, 0, {LeftOut.AUTOSCALE: 1, LeftOut.POLICY_EVALUATION: 5}, {}, 0, 0, 0, None, None))
    '6 left out (5 policy evaluation, 1 autoscale)'
    """
    kinds = sorted(summary.left_out.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in kinds)
    return f"{sum(summary.left_out.values()):,} left out" + (f" ({named})" if named else "")


def threshold_table(outlook: Outlook) -> str:
    """Say as two tables which threshold and which budget would have alerted how many identities a day."""
    if not outlook.days:
        return "no day is over yet: nothing to reckon thresholds from"
    names = outlook.detectors
    in_force = ", ".join(f"{name} {threshold:g}" for name, threshold in zip(names, outlook.thresholds, strict=True))
    budget = "without a budget" if outlook.budget is None else f"with a budget of {outlook.budget:g} a day"
    days = f"{outlook.days} day{'s' if outlook.days > 1 else ''}"
    by_threshold = [
        ("threshold", *names, "together", "per 1,000"),
        *(
            (f"{threshold:g}", *(f"{count:,.1f}" for count in alone), *_both(together, outlook.active))
            for threshold, alone, together in outlook.by_threshold
        ),
    ]
    by_budget = [
        ("budget", *names, "gave", "per 1,000"),
        *(
            (f"{wanted:g}", *(f"{one:g}" for one in thresholds), *_both(gave, outlook.active))
            for wanted, thresholds, gave in outlook.by_budget
        ),
    ]
    return "\n".join(
        [
            f"in {days} of {outlook.active:,.0f} active identities, thresholds {in_force} ({budget})",
            f"would have alerted {outlook.in_force:,.1f} identities a day; others, identities a day:",
            "",
            *_aligned(by_threshold),
            "",
            *_aligned(by_budget),
        ]
    )


def recall_table(recall: Recall) -> str:
    """Say how many of the imagined attacks would have been told of, by style and by kind, and from where."""
    whole = recall.of()
    if not whole.imagined:
        return "no attack was imagined: no hour with people or applications in it has closed"

    def row(name: str, style: str | None = None, kind: ActorKind | None = None) -> tuple[str, ...]:
        origins = [recall.of(style=style, kind=kind, origin=origin) for origin in Origin]
        return (name, *map(_share, origins), _share(recall.of(style=style, kind=kind)))

    rows = [
        ("told of (of so many)", *(origin.replace("_", " ") for origin in Origin), "together"),
        *(row(one.name, style=one.name) for one in ATTACKS),
        *(row(kind, kind=kind) for kind in VICTIM_KINDS),
        row("all"),
    ]
    attacks = f"{whole.imagined:,} attack{'s' if whole.imagined > 1 else ''}"
    return "\n".join([f"{attacks} imagined, at the thresholds of their days:", "", *_aligned(rows)])


def _share(share: CaseCount) -> str:
    return f"{share.alerted / share.imagined:.0%} ({share.imagined:,})" if share.imagined else "-"


def _both(alerted: float, active: float) -> tuple[str, str]:
    return f"{alerted:,.1f}", f"{1000.0 * alerted / active:,.1f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{word:>{width}}" for word, width in zip(row, widths, strict=True)) for row in rows]
