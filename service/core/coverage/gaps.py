"""Spans that have been told and are not over: at most one a kind, each opened once, updated seldom, and closed once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from service.core.notices import Blind, Notice, Stage


class Patience(NamedTuple):
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


class Extent(NamedTuple):
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


@dataclass(slots=True)
class Window:
    """One span as it was told."""

    id: str
    told: str
    told_at: datetime
    revision: int = 1


@dataclass(slots=True)
class Windows:
    """The open spans by kind; a dataclass of plain data, so that it can be saved as it is."""

    open: dict[Blind, Window] = field(default_factory=dict)

    def begin(self, kind: Blind, extent: Extent, key: str, now: datetime) -> Notice:
        """Open a span; `key` tells it from others of its kind that begin at the same instant."""
        text = f"{kind.value}\x1f{extent.since.isoformat()}\x1f{key}"
        window = Window(sha256(text.encode()).hexdigest()[:16], extent.material, now)
        self.open[kind] = window
        return _notice(kind, "opened", window, extent, None, now)

    def go_on(self, kind: Blind, extent: Extent, now: datetime, pause: timedelta) -> Iterator[Notice]:
        """Tell what is new of a span that is open: at most once in each `pause`."""
        window = self.open[kind]
        if extent.material != window.told and now - window.told_at >= pause:
            window.told, window.told_at, window.revision = extent.material, now, window.revision + 1
            yield _notice(kind, "updated", window, extent, None, now)

    def end(self, kind: Blind, extent: Extent, until: datetime, now: datetime) -> Notice:
        """Close a span."""
        window = self.open.pop(kind)
        window.revision += 1
        return _notice(kind, "closed", window, extent, max(until, extent.since), now)


def merged(some: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the names in both, each once, in order.

    >>> merged(["10", "2"], ["1", "2"])
    ['1', '2', '10']
    """
    return sorted({*some, *others}, key=lambda name: (len(name), name))


def _notice(kind: Blind, stage: Stage, window: Window, extent: Extent, until: datetime | None, now: datetime) -> Notice:
    return Notice(
        id=window.id,
        revision=window.revision,
        kind=kind,
        stage=stage,
        since=extent.since,
        until=until,
        partitions=tuple(extent.partitions),
        may_alerts_still_come=kind is not Blind.LOST and stage != "closed",
        late_records=extent.late,
        unjudged_records=extent.unjudged,
        lost_messages=extent.lost,
        found_at=now,
    )
