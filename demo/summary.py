"""The demo's ending: what was found and at what cost, and whether everything that must be true of any run is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from demo.blackout import is_notice
from demo.launch import MUST_ALERT, Scrape
from demo.receiver import Kind, Received
from demo.score import Score, Told, references
from demo.show import Terminal, false_alerts, span, table

KINDS: tuple[Kind, ...] = ("teams", "slack", "webhook")


class Learnt(NamedTuple):
    """How much history there was, and how many of its records were taken in a second."""

    records: int
    speed: float


def sum_up(
    terminal: Terminal, result: Score, thresholds: Mapping[str, float], learnt: Learnt, identities: int, days: int
) -> None:
    """Write the attacks and what came of them, the false alerts, the speed; `thresholds`: what each detector needs."""
    terminal.title("What was planted, and what came of it")
    for line in table(result, thresholds):
        terminal.say(line)
    delay = result.median_delay
    timing = f", half of them within {span(delay)} of the first step" if delay is not None else ""
    terminal.say()
    terminal.say(f"  found          {result.found} of {len(result.verdicts)} attacks{timing}")
    terminal.say("  false alerts   " + "\n                 ".join(false_alerts(result, days, identities)))
    terminal.say(
        f"  learning       {learnt.records:,} records, {learnt.speed:,.0f} a second: from AMQP to learnt, on one core"
    )
    terminal.say("  One tenant proves little: --seed N plays another one, `make bench-detection` measures many.")
    terminal.say()


def arrivals(received: Iterable[Received]) -> dict[Kind, set[str]]:
    """Return the ids of the alerts that people would have seen, by where."""
    seen: dict[Kind, set[str]] = {kind: set() for kind in KINDS}
    for entry in received:
        if not entry.shown or is_notice(entry.payload):
            continue
        if entry.kind == "webhook" and isinstance(entry.payload, dict):
            seen[entry.kind].add(str(entry.payload["subject"]))
        else:
            seen[entry.kind] |= references(entry.payload)
    return seen


def judge(
    terminal: Terminal,
    result: Score,
    told: Iterable[Told],
    received: Sequence[Received],
    scrape: Scrape | None,
    blind: tuple[bool, str] | None = None,
) -> bool:
    """Check what must be true of any run, write it, and return whether all of it is; `blind`: what the fault led to."""
    checks = [
        *_each_detector_everywhere(told, arrivals(received)),
        *([] if blind is None else [blind]),
        (result.found * 2 > len(result.verdicts), "most of the attacks were found"),
        (
            all(entry.shown for entry in received),
            f"the receiver took each of {len(received)} messages, as Teams, Slack and a checked signature would",
        ),
        _metrics(scrape.missing() if scrape else {"all of them"}),
    ]
    for ok, text in checks:
        terminal.check(ok, text)
    return all(ok for ok, _ in checks)


def _each_detector_everywhere(told: Iterable[Told], seen: dict[Kind, set[str]]) -> list[tuple[bool, str]]:
    found_by: dict[str, set[str]] = {name: set() for name in MUST_ALERT}
    for alert in told:
        for name in alert.detectors:
            found_by.setdefault(name, set()).add(alert.id)
    everywhere = set.intersection(*seen.values())
    return [
        (bool(alerts & everywhere), f"{name}: an alert came as Teams card, as Slack message and as signed webhook")
        for name, alerts in found_by.items()
    ]


def _metrics(missing: Collection[str]) -> tuple[bool, str]:
    return not missing, "every metric is there" + (f", but for {', '.join(sorted(missing))}" if missing else "")
