"""What the service did not see, and what suppressions kept back: why an empty list may not mean that all is well."""

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from service.console.asking import HtmlPage, PageQuery
from service.core.notices import Notice
from service.history import History

COVERAGE_DAYS = 28


class Stretch(NamedTuple):
    """A coverage gap on the bar of time: where it begins and how long it is, in shares of a hundred."""

    notice: Notice
    x: float
    width: float


class Hidden(NamedTuple):
    """What one suppression kept back."""

    suppression: str
    findings: int
    last: datetime


def coverage_page(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/coverage``."""
    first = asked.now - timedelta(days=COVERAGE_DAYS)
    gaps = [_stretch(one, first, asked.now) for one in history.gaps(first)]
    kept = history.suppressed(first)
    counts = Counter(one.suppression for one in kept)
    latest: dict[str, datetime] = {}
    for one in kept:
        latest[one.suppression] = max(one.time, latest.get(one.suppression, one.time))
    return HtmlPage(
        "coverage.html",
        {
            "first": first,
            "now": asked.now,
            "days": COVERAGE_DAYS,
            "gaps": gaps,
            "hidden": [Hidden(name, count, latest[name]) for name, count in counts.most_common()],
            "kept": kept[:50],
            "span": history.span(),
        },
    )


def _stretch(notice: Notice, first: datetime, now: datetime) -> Stretch:
    whole = (now - first) / timedelta(seconds=1)
    begins = max(first, notice.since)
    ends = min(now, notice.until or now)
    x = 100.0 * ((begins - first) / timedelta(seconds=1)) / whole
    return Stretch(notice, x, max(0.4, 100.0 * ((ends - begins) / timedelta(seconds=1)) / whole))
