"""Packs alerts into as few messages as a receiver's limits allow.

How much fits is for each sink to say. When even short lines do not fit, the last message counts what it does not show:
a channel that gets thirty messages at once is muted, and then nobody reads the next one.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from service.core.alerting import Alert, by_urgency

Element = dict[str, JsonValue]
MOST_PAGES = 3
_FINDINGS = (5, 3, 1)


class Page(NamedTuple):
    """What goes into one message: its elements, the alerts it tells, and how many of them it merely counts."""

    elements: tuple[Element, ...]
    alerts: tuple[Alert, ...]
    hidden: int


class Layout(NamedTuple):
    """How one sink shows alerts, and how much of that makes one message.

    Attributes
    ----------
    full
        Shows an alert with at most so many of its findings.
    brief
        Shows an alert in a line; short, whatever is in it.
    weigh
        What an element adds to a message's size.
    capacity
        Size that a message's elements may have together.
    most_elements
        How many elements a message may have.
    """

    full: Callable[[Alert, int], list[Element]]
    brief: Callable[[Alert], list[Element]]
    weigh: Callable[[Element], int]
    capacity: int
    most_elements: int


def paginate(alerts: Sequence[Alert], layout: Layout, *, most: int = MOST_PAGES) -> list[Page]:
    """Return at most `most` pages that tell `alerts`, the most urgent first.

    All are shown in full if that takes no more than `most` pages; else the first page is in full and the rest is in
    short lines; what then remains is counted on the last page.
    """
    ranked = by_urgency(alerts)
    full, left = _fill(ranked, lambda alert: _fullest(alert, layout), layout, most)
    if not left:
        return full
    shown = len(full[0].alerts)
    brief, left = _fill(ranked[shown:], layout.brief, layout, most - 1)
    last = brief[-1]
    return [full[0], *brief[:-1], Page(last.elements, (*last.alerts, *left), len(left))]


def _fill(
    alerts: Sequence[Alert], show: Callable[[Alert], list[Element]], layout: Layout, most: int
) -> tuple[list[Page], Sequence[Alert]]:
    """Fill at most `most` pages; return them and the alerts that are left."""
    pages: list[Page] = []
    elements: list[Element] = []
    weight, start = 0, 0
    for number, alert in enumerate(alerts):
        more = show(alert)
        added = sum(map(layout.weigh, more))
        if elements and (weight + added > layout.capacity or len(elements) + len(more) > layout.most_elements):
            pages.append(Page(tuple(elements), tuple(alerts[start:number]), 0))
            elements, weight, start = [], 0, number
            if len(pages) == most:
                return pages, alerts[number:]
        elements.extend(more)
        weight += added
    if elements:
        pages.append(Page(tuple(elements), tuple(alerts[start:]), 0))
    return pages, []


def _fullest(alert: Alert, layout: Layout) -> list[Element]:
    for findings in _FINDINGS:
        elements = layout.full(alert, findings)
        if sum(map(layout.weigh, elements)) <= layout.capacity and len(elements) <= layout.most_elements:
            return elements
    return layout.brief(alert)
