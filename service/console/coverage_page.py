"""What is read, what was not seen, who is told, what is kept back: why an empty list may not mean that all is well."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.stream import EPOCH
from service.console.api_models import CoverageReport, PartitionLine, SinkLine, SuppressionLine
from service.console.asking import HtmlPage, NotThere, PageQuery, SampleWanted
from service.core.alerting import Stage, SuppressedFinding, Suppression
from service.core.notices import Notice
from service.history import History
from service.suppressions import described

COVERAGE_DAYS = 28
_MOST_LISTED = 50


class Stretch(NamedTuple):
    """A coverage gap on the bar of time: where it begins and how long it is, in shares of a hundred."""

    notice: Notice
    x: float
    width: float


class Hidden(NamedTuple):
    """A suppression, and what it kept back; `entry` is None where its entry is not known, or not there any more."""

    suppression: str
    findings: int
    last: datetime | None
    entry: Suppression | None
    stage: Stage | None

    @property
    def since(self) -> datetime | None:
        """Since when it is in force, if its entry says so."""
        return self.entry.begins if self.entry and self.entry.begins != EPOCH else None

    def what(self) -> Sequence[tuple[str, str]]:
        """Return what stands in the entry."""
        return list(described(self.entry)) if self.entry else []


def coverage_page(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/coverage``."""
    first = asked.now - timedelta(days=COVERAGE_DAYS)
    gaps = [_stretch(one, first, asked.now) for one in history.gaps(first)]
    kept = history.suppressed(first)
    return HtmlPage(
        "coverage.html",
        {
            "first": first,
            "now": asked.now,
            "days": COVERAGE_DAYS,
            "gaps": gaps,
            "hidden": hidden(asked, kept),
            "kept": kept[:_MOST_LISTED],
            "span": history.span(),
            "live": asked.live,
        },
    )


def coverage_answer(history: History, asked: PageQuery) -> CoverageReport:
    """Answer ``/api/v1/coverage``."""
    span = history.span()
    kept = history.suppressed(asked.now - timedelta(days=COVERAGE_DAYS))
    return CoverageReport(
        since=span[0] if span else None,
        until=span[1] if span else None,
        partitions=tuple(PartitionLine(**one._asdict()) for one in asked.live.partitions),
        sinks=tuple(SinkLine(**one._asdict()) for one in asked.live.sinks),
        suppressions=tuple(
            SuppressionLine(
                id=one.suppression,
                stage=one.stage.value if one.stage else "",
                findings=one.findings,
                last=one.last,
                entry=dict(one.what()),
            )
            for one in hidden(asked, kept)
        ),
        generations=None if asked.live.kept is None else tuple(asked.live.kept),
    )


def want_sample(_: History, asked: PageQuery) -> SampleWanted:
    """Answer a form sent to ``/sinks/NAME/test``: a test message is wanted.

    Raises
    ------
    NotThere
        No enabled sink has that name.
    """
    if asked.part not in {one.name for one in asked.live.sinks}:
        raise NotThere("no sink of that name is enabled here")
    return SampleWanted(asked.part)


def hidden(asked: PageQuery, kept: Sequence[SuppressedFinding]) -> list[Hidden]:
    """Return all suppressions, those in force first, each with what it kept back: all that is known of."""
    live = asked.live
    counts, latest = Counter(one.suppression for one in kept), _latest(kept)
    entries = {one.id: one for one in live.suppressions}
    found = []
    for name in dict.fromkeys([*entries, *(name for name, _ in counts.most_common())]):
        entry, count = entries.get(name), live.counts.get(name)
        findings = max(counts[name], count.findings if count else 0)
        times = [one for one in (latest.get(name), count.newest if count else None) if one is not None]
        stage = entry.stage(asked.now) if entry else None
        found.append(Hidden(name, findings, max(times, default=None), entry, stage))
    order = {stage: place for place, stage in enumerate((Stage.IN_FORCE, Stage.ENDING, Stage.PLANNED, Stage.EXPIRED))}
    return sorted(found, key=lambda one: len(order) if one.stage is None else order[one.stage])


def _latest(kept: Sequence[SuppressedFinding]) -> Mapping[str, datetime]:
    latest: dict[str, datetime] = {}
    for one in kept:
        latest[one.suppression] = max(one.time, latest.get(one.suppression, one.time))
    return latest


def _stretch(notice: Notice, first: datetime, now: datetime) -> Stretch:
    whole = (now - first) / timedelta(seconds=1)
    begins = max(first, notice.since)
    ends = min(now, notice.until or now)
    x = 100.0 * ((begins - first) / timedelta(seconds=1)) / whole
    return Stretch(notice, x, max(0.4, 100.0 * ((ends - begins) / timedelta(seconds=1)) / whole))
