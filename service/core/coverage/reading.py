"""How far each partition has been read, and since when one of them has not been: the kinds ``silent`` and ``behind``.

A partition is whole up to an instant when everything that the hub took until then has been read: up to the enqueued
time of the message read last, or up to the moment at which the hub said that there is nothing newer. So a quiet night
is not blindness, and one number tells a dead link, a hub that is away, a downtime of our own and a flood alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import with_config

from service.core.coverage.gaps import EXACT, GapExtent, GapLimits, OpenGaps, merged
from service.core.notices import GapKind, Notice


@with_config(EXACT)
@dataclass(slots=True)
class PartitionCoverage:
    """One partition.

    Attributes
    ----------
    whole_until
        Everything enqueued until then has been read.
    moved_at
        When a message was last read, by our clock.
    sequence_number, enqueued_time
        Of that message.
    missed_since
        What it was whole until when, after too long, it was read again; told at the next look.
    whole_since
        Since when, by our clock, it is hardly behind.
    window
        As what it is being told of, if it is.
    late_records
        Records read late since it was whole.
    """

    caught_up_until: datetime
    moved_at: datetime
    sequence_number: int | None = None
    enqueued_time: datetime | None = None
    missed_since: datetime | None = None
    caught_up_since: datetime | None = None
    gap: GapKind | None = None
    late_records: int = 0

    def reach(self, until: datetime, now: datetime, limits: GapLimits) -> None:
        """Note that it is whole until then, at least."""
        self.caught_up_until = max(self.caught_up_until, until)
        self.settle(now, limits)

    def settle(self, now: datetime, limits: GapLimits) -> None:
        """Note whether it is hardly behind: half of what opens a span, or one just about there would go in and out."""
        if now - self.caught_up_until >= limits.after / 2:
            self.caught_up_since = None
        elif self.caught_up_since is None:
            self.caught_up_since = now


@with_config(EXACT)
@dataclass(slots=True)
class Reading:
    """All partitions, and the spans in which some of them were not read, or long after the hub took their messages."""

    partitions: dict[str, PartitionCoverage] = field(default_factory=dict)
    beginnings: dict[GapKind, datetime] = field(default_factory=dict)

    def coverage(self, partition: str, now: datetime) -> PartitionCoverage:
        """Return a partition; one that nobody has heard of is whole now."""
        return self.partitions.setdefault(partition, PartitionCoverage(now, now))

    def move(self, coverage: PartitionCoverage, enqueued_time: datetime, now: datetime, limits: GapLimits) -> None:
        """Note that a partition has been read up to a message."""
        coverage.moved_at = now
        if enqueued_time <= coverage.caught_up_until:
            return  # known to be whole: from before we listened, or within what the hub's own answer covers
        if coverage.gap is None and coverage.missed_since is None and now - coverage.caught_up_until >= limits.after:
            coverage.missed_since = coverage.caught_up_until
        coverage.reach(enqueued_time, now, limits)

    def look(self, now: datetime, begun: datetime, gaps: OpenGaps, limits: GapLimits) -> Iterator[Notice]:
        """Say what is news, given when this life of the process began."""
        found: dict[GapKind, list[str]] = {GapKind.SILENT: [], GapKind.BEHIND: []}
        for partition in merged(self.partitions, ()):
            coverage = self.partitions[partition]
            coverage.settle(now, limits)
            kind = _gap_kind(coverage, now, begun, limits)
            if kind is not None:
                found[kind].append(partition)
        for kind, joining in found.items():
            yield from self._tell(kind, joining, now, gaps, limits)

    def _tell(
        self, kind: GapKind, joining: list[str], now: datetime, gaps: OpenGaps, limits: GapLimits
    ) -> Iterator[Notice]:
        for partition in joining:
            coverage = self.partitions[partition]
            since = coverage.missed_since or coverage.caught_up_until
            self.beginnings[kind] = min(since, self.beginnings.get(kind, since))
            coverage.gap, coverage.missed_since = kind, None
        members = {name: coverage for name, coverage in self.partitions.items() if coverage.gap is kind}
        if not members:
            return
        late = sum(coverage.late_records for coverage in members.values())
        extent = GapExtent(self.beginnings[kind], merged(members, ()), late=late)
        if kind not in gaps.open:
            yield gaps.begin(kind, extent, joining[0], now)
            return
        caught_up = [coverage.caught_up_since for coverage in members.values() if coverage.caught_up_since is not None]
        if len(caught_up) < len(members) or now - max(caught_up) < limits.settle:
            yield from gaps.go_on(kind, extent, now, limits.after)
            return
        for coverage in members.values():
            coverage.gap, coverage.late_records = None, 0
        del self.beginnings[kind]
        yield gaps.end(kind, extent, max(caught_up), now)


def _gap_kind(coverage: PartitionCoverage, now: datetime, begun: datetime, limits: GapLimits) -> GapKind | None:
    if coverage.gap is not None:
        return None
    if coverage.missed_since is not None:
        return GapKind.BEHIND
    if now - coverage.caught_up_until < limits.after:
        return None
    if now - coverage.moved_at < limits.after / 2:
        return GapKind.BEHIND
    # Whoever has only just begun to listen gets a moment to hear something.
    return GapKind.SILENT if now - begun >= limits.after / 15 else None
