"""How far each partition has been read: finds the coverage gaps ``silent`` and ``behind``.

A partition is caught up until an instant if everything that the hub took until then has been read. That instant is the
enqueued time of the message read last, or the moment at which the hub said that there is nothing newer. So a quiet
night is no gap, and one number shows a dead link, an unreachable hub, a downtime of our own and a flood alike.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import with_config

from service.core.coverage.gaps import EXACT, GapExtent, GapLimits, OpenGaps, in_order
from service.core.notices import GapKind, Notice


@with_config(EXACT)
@dataclass(slots=True)
class PartitionCoverage:
    """How far one partition has been read.

    Attributes
    ----------
    caught_up_until
        Everything enqueued until then has been read.
    last_read_at
        When a message was last read, by our clock.
    sequence_number, enqueued_time
        Of that message.
    missed_since
        Until when it had been caught up before it was, after too long, read again; None once that is in a gap.
    caught_up_since
        Since when, by our clock, it has hardly been behind; None while it is.
    gap
        The kind of open gap that it is part of, if any.
    late_records
        Records read late since its last gap was closed.
    """

    caught_up_until: datetime
    last_read_at: datetime
    sequence_number: int | None = None
    enqueued_time: datetime | None = None
    missed_since: datetime | None = None
    caught_up_since: datetime | None = None
    gap: GapKind | None = None
    late_records: int = 0

    def advance(self, until: datetime, now: datetime, limits: GapLimits) -> None:
        """Note that it is caught up until then, at least."""
        self.caught_up_until = max(self.caught_up_until, until)
        self.note_time(now, limits)

    def note_time(self, now: datetime, limits: GapLimits) -> None:
        """Note whether it is hardly behind: by half of what opens a gap, or it would go in and out at the border."""
        self.caught_up_until = min(self.caught_up_until, now)  # the hub's clock may be ahead of ours
        if now - self.caught_up_until >= limits.after / 2:
            self.caught_up_since = None
        elif self.caught_up_since is None:
            self.caught_up_since = now

    def move(self, by: timedelta) -> None:
        """Move what is compared with our clock, which has been set by that."""
        self.caught_up_until += by
        self.last_read_at += by
        self.missed_since = self.missed_since + by if self.missed_since else None
        self.caught_up_since = self.caught_up_since + by if self.caught_up_since else None

    def not_after(self, now: datetime) -> None:
        """Bring what was saved as past to before now: our clock is behind, or was ahead when it was saved."""
        self.caught_up_until = min(self.caught_up_until, now)
        self.last_read_at = min(self.last_read_at, now)
        self.missed_since = min(self.missed_since, now) if self.missed_since else None
        self.caught_up_since = min(self.caught_up_since, now) if self.caught_up_since else None

    def new_gap(self, now: datetime, process_began: datetime, limits: GapLimits) -> GapKind | None:
        """Return the kind of gap that it has to join now, if any."""
        if self.gap is not None:
            return None
        if self.missed_since is not None:
            return GapKind.BEHIND
        if now - self.caught_up_until < limits.after:
            return None
        if now - self.last_read_at < limits.after / 2:
            return GapKind.BEHIND
        # What a process has not had the time to read was missed before it began: it is being caught up on.
        return GapKind.SILENT if now - process_began >= limits.after else GapKind.BEHIND


@with_config(EXACT)
@dataclass(slots=True)
class PartitionsRead:
    """All partitions, and when each open gap of theirs began."""

    partitions: dict[str, PartitionCoverage] = field(default_factory=dict)
    beginnings: dict[GapKind, datetime] = field(default_factory=dict)

    def of(self, partition: str, now: datetime) -> PartitionCoverage:
        """Return a partition; one that is new counts as caught up until now."""
        return self.partitions.setdefault(partition, PartitionCoverage(now, now))

    def keep(self, partitions: Collection[str]) -> None:
        """Forget all other partitions: the hub does not have them any more."""
        self.partitions = {name: one for name, one in self.partitions.items() if name in partitions}

    def note_read(self, coverage: PartitionCoverage, enqueued_time: datetime, now: datetime, limits: GapLimits) -> None:
        """Note that a partition has been read up to a message."""
        coverage.last_read_at = now
        if enqueued_time <= coverage.caught_up_until:
            return  # taken before this process began, or before the hub said that there is nothing newer
        if coverage.gap is None and coverage.missed_since is None and now - coverage.caught_up_until >= limits.after:
            coverage.missed_since, coverage.caught_up_since = coverage.caught_up_until, None
        coverage.advance(enqueued_time, now, limits)

    def check(self, now: datetime, process_began: datetime, gaps: OpenGaps, limits: GapLimits) -> Iterator[Notice]:
        """Yield the notices that are due."""
        joining: dict[GapKind, list[str]] = {GapKind.SILENT: [], GapKind.BEHIND: []}
        for partition in in_order(self.partitions):
            coverage = self.partitions[partition]
            coverage.note_time(now, limits)
            kind = coverage.new_gap(now, process_began, limits)
            if kind is not None:
                joining[kind].append(partition)
        for kind, partitions in joining.items():
            self._join(kind, partitions)
            yield from self._check_kind(kind, partitions, now, gaps, limits)

    def _join(self, kind: GapKind, partitions: Collection[str]) -> None:
        for partition in partitions:
            coverage = self.partitions[partition]
            since = coverage.missed_since or coverage.caught_up_until
            self.beginnings[kind] = min(since, self.beginnings.get(kind, since))
            coverage.gap, coverage.missed_since = kind, None

    def _check_kind(
        self, kind: GapKind, joined: list[str], now: datetime, gaps: OpenGaps, limits: GapLimits
    ) -> Iterator[Notice]:
        members = {name: coverage for name, coverage in self.partitions.items() if coverage.gap is kind}
        if not members and kind not in gaps.open:
            return
        late_records = sum(coverage.late_records for coverage in members.values())
        extent = GapExtent(self.beginnings[kind], in_order(members), late_records=late_records)
        # Without members: the hub was recreated with fewer partitions.
        ended_at = _all_caught_up_since(members.values()) if members else self.beginnings[kind]
        if kind not in gaps.open:
            yield gaps.start(kind, extent, joined[0], now)
        elif ended_at is None or now - ended_at < limits.settle:
            yield from gaps.update(kind, extent, now, limits.after)
        else:
            for coverage in members.values():
                coverage.gap, coverage.late_records = None, 0
            del self.beginnings[kind]
            yield gaps.close(kind, extent, ended_at, now)


def _all_caught_up_since(partitions: Collection[PartitionCoverage]) -> datetime | None:
    """Return since when none of them has been behind; None while one is."""
    since = [coverage.caught_up_since for coverage in partitions if coverage.caught_up_since is not None]
    return max(since) if len(since) == len(partitions) else None
