"""Writes docs/findings.md: what each detector says of itself, for whoever has to deal with what it found.

Made of the cards that the alerts are made of, so that page and alert tell the same. `make generated` writes it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any, cast

from models.detectors import DETECTORS, Example, build, play

FOLDER = Path(__file__).parent
INTRODUCTION = """\
# What was found, and what to do

For whoever has an alert in front of them: what each detector means by it, when it is wrong, and what to do first. Give
your sinks this page's address, and each alert links to its detector: `runbook_url: https://…/findings#{detector}`. How
a score comes about is on [the page for detection engineers](detections.md). This page is made of the detectors' cards
by `make generated`.

**Before anything else**, in every alert: who, and is that a person or an application? Which operation, on what, from
where? *Why* has the numbers, *Otherwise* what would have made it ordinary. The correlation id leads to the whole
operation in the activity log.

**Too many, or too few?** Each detector has a threshold below which it says nothing, and every ten points up or down are
2.5 times fewer or more; a budget (`alerting.alerts_per_day`) moves all of them together.
[Choosing the sensitivity](detections.md#choosing-the-sensitivity) shows with your own log what each would give.
"""


def findings() -> str:
    """Return the page.

    >>> "## rare_action" in findings()
    True
    """
    return "\n".join([INTRODUCTION, *(part for name in DETECTORS for part in _card(name))])


def _card(name: str) -> Iterator[str]:
    declared = DETECTORS[name].declaration
    card = declared.card
    yield f"## {name}\n"
    yield f"**{card.title}.** {card.what} {card.why}\n"
    if picture := picture_of(name):
        yield f"![{name}: what the formula makes of an example](images/{picture})\n"
    yield _told(name, declared.speaks)
    yield f"*Left alone:* {declared.silent.summary}\n"
    yield f"*When it is wrong*\n\n{_listed('-', card.false_positives)}"
    yield f"*What to do*\n\n{_listed('1.', card.response)}"
    yield (
        f"*Threshold* {declared.threshold:g} as it comes; yours is "
        f"[`detectors.{name}.threshold`](configuration.md#detectors). "
        f"[How it decides, and what it cannot see](detections.md#{anchor_of(name)}). "
        f"ATT&CK: {', '.join(map(_technique, card.mitre))}.\n"
    )


def _listed(mark: str, points: Iterable[str]) -> str:
    return "".join(f"{mark} {point}\n" for point in points)


def _technique(one: str) -> str:
    """Return the link to a technique.

    >>> _technique("TA0003/T1098.003")
    '[T1098.003](https://attack.mitre.org/techniques/T1098/003/)'
    """
    name = one.partition("/")[2]
    return f"[{name}](https://attack.mitre.org/techniques/{name.replace('.', '/')}/)"


def _told(name: str, example: Example) -> str:
    """Return what becomes of an example."""
    detector = build(name)
    [first, *_] = play(name, example)
    changes = cast("Mapping[str, Any]", first.evidence["changes"])
    said = detector.counterfactual(changes, detector.declaration.threshold)
    quoted = fill(f"{first.why} {said}", 120, initial_indent="> ", subsequent_indent="> ", break_on_hyphens=False)
    return f"*For example:* {example.summary}\n\n{quoted}\n"


def _section(name: str) -> re.Match[str] | None:
    """Return heading and text of the section on a detector."""
    page = (FOLDER / "detections.md").read_text(encoding="utf-8")
    return re.search(rf"^## ({name}\b[^\n]*)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)


def anchor_of(name: str) -> str:
    """Return the anchor of that section, whatever its heading says after the name."""
    section = _section(name)
    return re.sub(r"[^\w\- ]", "", section[1].lower()).replace(" ", "-") if section else ""


def picture_of(name: str) -> str:
    """Return the first picture that it shows, empty if there is none."""
    section = _section(name)
    shown = re.search(r"\]\(images/([\w-]+\.svg)\)", section[2]) if section else None
    return shown[1] if shown else ""
