"""The open coverage gaps: at most one a kind, each opened once, updated seldom, and closed once, under one id."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from pydantic import ConfigDict, with_config

from service.core.notices import GapKind, Notice, NoticeStage

EXACT = ConfigDict(extra="forbid")
"""For what is saved as it is: a field that nobody would read is refused."""


class GapLimits(NamedTuple):
    """How long something must last before people are notified of it.

    Attributes
    ----------
    after
        How long input must be missing, or late, until a gap opens; > 0.
    settle
        How long all must be well until it closes, so that a partition that flaps makes one gap. No shorter than the
        time between two evaluations: then one of them has judged what came late, and alerted.
    late_by
        How long after its newest event a message may reach the hub without counting as late.
    """

    after: timedelta = timedelta(minutes=15)
    settle: timedelta = timedelta(minutes=15)
    late_by: timedelta = timedelta(hours=1)


class GapExtent(NamedTuple):
    """What is known of a gap that is open: its beginning, its partitions, and how many records it has cost so far.

    `subscriptions` is empty where it is not about some of them alone.

    `lost_messages` is None where nobody knows.
    """

    since: datetime
    partitions: Sequence[str]
    late_records: int = 0
    unjudged_records: int = 0
    lost_messages: int | None = 0
    subscriptions: Sequence[str] = ()

    @property
    def material(self) -> str:
        """What makes an update worth a notice: where, and what is lost; not how much has come late by now."""
        whose = f" {','.join(self.subscriptions)}" if self.subscriptions else ""
        return f"{','.join(self.partitions)} {bool(self.unjudged_records)} {self.lost_messages}{whose}"


@with_config(EXACT)
@dataclass(slots=True)
class OpenGap:
    """One gap: its id, and what its latest notice said, and when."""

    id: str
    notified: str
    notified_at: datetime
    revision: int = 1


@with_config(EXACT)
@dataclass(slots=True)
class OpenGaps:
    """The open gaps by kind; a dataclass of plain data, so that it can be saved as it is."""

    open: dict[GapKind, OpenGap] = field(default_factory=dict)

    def move(self, by: timedelta) -> None:
        """Move what is compared with our clock, which has been set by that."""
        for gap in self.open.values():
            gap.notified_at += by

    def not_after(self, now: datetime) -> None:
        """Bring what was saved as past to before now: our clock is behind, or was ahead when it was saved."""
        for gap in self.open.values():
            gap.notified_at = min(gap.notified_at, now)

    def start(self, kind: GapKind, extent: GapExtent, key: str, now: datetime) -> Notice:
        """Open a gap; `key` tells it from others of its kind that begin at the same instant."""
        text = f"{kind.value}\x1f{extent.since.isoformat()}\x1f{key}"
        gap = OpenGap(sha256(text.encode()).hexdigest()[:16], extent.material, now)
        self.open[kind] = gap
        return _notice(kind, "opened", gap, extent, None, now)

    def update(self, kind: GapKind, extent: GapExtent, now: datetime, pause: timedelta) -> Iterator[Notice]:
        """Yield a notice if something material is new of an open gap, at most once in each `pause`."""
        gap = self.open[kind]
        if extent.material != gap.notified and now - gap.notified_at >= pause:
            gap.notified, gap.notified_at, gap.revision = extent.material, now, gap.revision + 1
            yield _notice(kind, "updated", gap, extent, None, now)

    def close(self, kind: GapKind, extent: GapExtent, until: datetime, now: datetime) -> Notice:
        """Close a gap."""
        gap = self.open.pop(kind)
        gap.revision += 1
        return _notice(kind, "closed", gap, extent, max(until, extent.since), now)


def in_order(partitions: Iterable[str]) -> list[str]:
    """Return the names of partitions, each once, in the order of their numbers.

    >>> in_order(["10", "2", "1", "2"])
    ['1', '2', '10']
    """
    return sorted(set(partitions), key=lambda name: (len(name), name))


def _notice(
    kind: GapKind, stage: NoticeStage, gap: OpenGap, extent: GapExtent, until: datetime | None, now: datetime
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
        late_records=extent.late_records,
        unjudged_records=extent.unjudged_records,
        lost_messages=extent.lost_messages,
        subscriptions=tuple(extent.subscriptions),
        found_at=now,
    )
