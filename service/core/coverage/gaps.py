"""Spans that have been told and are not over: at most one a kind, each opened once, updated seldom, and closed once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from pydantic import ConfigDict, with_config

from service.core.notices import GapKind, Notice, Stage

EXACT = ConfigDict(extra="forbid")
"""For what is saved as it is: a field that nobody would read is refused."""


class GapLimits(NamedTuple):
    """How long something must last until it is told.

    Attributes
    ----------
    after
        How long input must be missing, or late, until a span opens; > 0.
    settle
        How long all must be well until it closes, so that a partition that flaps makes one span. No shorter than the
        time between two evaluations: then one of them has judged what came late, and told it.
    late_by
        How long after its newest event a message may reach the hub without counting as late.
    """

    after: timedelta = timedelta(minutes=15)
    settle: timedelta = timedelta(minutes=15)
    late_by: timedelta = timedelta(hours=1)


class GapExtent(NamedTuple):
    """What is known of a span that is not over: its beginning, its partitions, and what it cost so far."""

    since: datetime
    partitions: Sequence[str]
    late: int = 0
    unjudged: int = 0
    lost: int = 0

    @property
    def material(self) -> str:
        """What changes what a reader would do: where, and what is gone; not how much has come late by now."""
        return f"{','.join(self.partitions)} {bool(self.unjudged)} {self.lost}"


@with_config(EXACT)
@dataclass(slots=True)
class OpenGap:
    """One span as it was told."""

    id: str
    told: str
    told_at: datetime
    revision: int = 1


@with_config(EXACT)
@dataclass(slots=True)
class OpenGaps:
    """The open spans by kind; a dataclass of plain data, so that it can be saved as it is."""

    open: dict[GapKind, OpenGap] = field(default_factory=dict)

    def begin(self, kind: GapKind, extent: GapExtent, key: str, now: datetime) -> Notice:
        """Open a span; `key` tells it from others of its kind that begin at the same instant."""
        text = f"{kind.value}\x1f{extent.since.isoformat()}\x1f{key}"
        gap = OpenGap(sha256(text.encode()).hexdigest()[:16], extent.material, now)
        self.open[kind] = gap
        return _notice(kind, "opened", gap, extent, None, now)

    def go_on(self, kind: GapKind, extent: GapExtent, now: datetime, pause: timedelta) -> Iterator[Notice]:
        """Tell what is new of a span that is open: at most once in each `pause`."""
        gap = self.open[kind]
        if extent.material != gap.told and now - gap.told_at >= pause:
            gap.told, gap.told_at, gap.revision = extent.material, now, gap.revision + 1
            yield _notice(kind, "updated", gap, extent, None, now)

    def end(self, kind: GapKind, extent: GapExtent, until: datetime, now: datetime) -> Notice:
        """Close a span."""
        gap = self.open.pop(kind)
        gap.revision += 1
        return _notice(kind, "closed", gap, extent, max(until, extent.since), now)


def merged(some: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the names in both, each once, in order.

    >>> merged(["10", "2"], ["1", "2"])
    ['1', '2', '10']
    """
    return sorted({*some, *others}, key=lambda name: (len(name), name))


def _notice(
    kind: GapKind, stage: Stage, gap: OpenGap, extent: GapExtent, until: datetime | None, now: datetime
) -> Notice:
    return Notice(
        id=gap.id,
        revision=gap.revision,
        kind=kind,
        stage=stage,
        since=extent.since,
        until=until,
        partitions=tuple(extent.partitions),
        may_alerts_still_come=kind is not GapKind.LOST and stage != "closed",
        late_records=extent.late,
        unjudged_records=extent.unjudged,
        lost_messages=extent.lost,
        found_at=now,
    )
