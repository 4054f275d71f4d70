"""Packs alerts into as few messages as a receiver's limits allow, and names each message by what is in it.

What fits is each sink's to say. When even short lines do not fit, the last message counts what it does not show:
three messages that are read beat thirty that are muted.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from pydantic import JsonValue

from service.alerts import Alert

Element = dict[str, JsonValue]
MOST_PAGES = 3


class Page(NamedTuple):
    """What goes into one message: its elements, the alerts it tells, and how many of them it merely counts."""

    elements: tuple[Element, ...]
    alerts: tuple[Alert, ...]
    hidden: int


class Layout(NamedTuple):
    """How one sink shows alerts.

    Attributes
    ----------
    variants
        The ways to show one alert, from full to the shortest; the shortest fits a message whatever is in it.
    fits
        Whether these elements, with the heading and the count of hidden ones that the sink adds, make one message.
    """

    variants: Callable[[Alert], Iterable[list[Element]]]
    fits: Callable[[Sequence[Element]], bool]


def paginate(alerts: Sequence[Alert], layout: Layout, *, most: int = MOST_PAGES) -> list[Page]:
    """Return at most `most` pages that tell `alerts`, the highest score first.

    All are shown in full if that takes no more than `most` pages; else the first page is in full and the rest is in
    short lines; what then remains is counted on the last page.
    """
    ranked = sorted(alerts, key=lambda alert: (-alert.score, alert.id, alert.revision))
    full = _fill(((alert, _fullest(alert, layout)) for alert in ranked), layout)
    if len(full) <= most:
        return full
    shown = len(full[0].alerts)
    brief = _fill(((alert, _shortest(alert, layout)) for alert in ranked[shown:]), layout)
    pages = [full[0], *brief]
    kept, rest = pages[:most], [alert for page in pages[most:] for alert in page.alerts]
    last = kept[-1]
    return [*kept[:-1], Page(last.elements, (*last.alerts, *rest), len(rest))]


def message_id(kind: str, alerts: Sequence[Alert], part: int) -> str:
    """Return 16 hex digits that depend on the kind of sink, what is told, and which part of it this is.

    A retry, a restart, or the same evaluation done again gives the same id.
    """
    told = "\x1f".join(f"{alert.id}.{alert.revision}" for alert in alerts)
    return sha256(f"{kind}\x1e{told}\x1e{part}".encode()).hexdigest()[:16]


def told(alerts: Iterable[Alert]) -> tuple[tuple[str, int], ...]:
    """Return what `Rendered.alerts` wants to know of these alerts."""
    return tuple((alert.id, alert.revision) for alert in alerts)


def _fill(items: Iterable[tuple[Alert, list[Element]]], layout: Layout) -> list[Page]:
    pages: list[Page] = []
    elements: list[Element] = []
    alerts: list[Alert] = []
    for alert, more in items:
        if alerts and not layout.fits([*elements, *more]):
            pages.append(Page(tuple(elements), tuple(alerts), 0))
            elements, alerts = [], []
        elements.extend(more)
        alerts.append(alert)
    if alerts:
        pages.append(Page(tuple(elements), tuple(alerts), 0))
    return pages


def _fullest(alert: Alert, layout: Layout) -> list[Element]:
    shortest: list[Element] = []
    for variant in layout.variants(alert):
        if layout.fits(variant):
            return variant
        shortest = variant
    return shortest


def _shortest(alert: Alert, layout: Layout) -> list[Element]:
    return list(layout.variants(alert))[-1]
