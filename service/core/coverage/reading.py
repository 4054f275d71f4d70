"""How far each partition has been read, and since when one of them has not been: the kinds ``silent`` and ``behind``.

A partition is whole up to an instant when everything that the hub took until then has been read: up to the enqueued
time of the message read last, or up to the moment at which the hub said that there is nothing newer. So a quiet night
is not blindness, and one number tells a dead link, a hub that is away, a downtime of our own and a flood alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from service.core.coverage.gaps import Extent, Patience, Windows, merged
from service.core.notices import Blind, Notice


@dataclass(slots=True)
class Ear:
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

    whole_until: datetime
    moved_at: datetime
    sequence_number: int | None = None
    enqueued_time: datetime | None = None
    missed_since: datetime | None = None
    whole_since: datetime | None = None
    window: Blind | None = None
    late_records: int = 0

    def reach(self, until: datetime, now: datetime, patience: Patience) -> None:
        """Note that it is whole until then, at least."""
        self.whole_until = max(self.whole_until, until)
        self.settle(now, patience)

    def settle(self, now: datetime, patience: Patience) -> None:
        """Note whether it is hardly behind: half of what opens a span, or one just about there would go in and out."""
        if now - self.whole_until >= patience.after / 2:
            self.whole_since = None
        elif self.whole_since is None:
            self.whole_since = now


@dataclass(slots=True)
class Reading:
    """All partitions, and the spans in which some of them were not read, or long after the hub took their messages."""

    ears: dict[str, Ear] = field(default_factory=dict)
    beginnings: dict[Blind, datetime] = field(default_factory=dict)

    def ear(self, partition: str, now: datetime) -> Ear:
        """Return a partition; one that nobody has heard of is whole now."""
        return self.ears.setdefault(partition, Ear(now, now))

    def move(self, ear: Ear, enqueued_time: datetime, now: datetime, patience: Patience) -> None:
        """Note that a partition has been read up to a message."""
        ear.moved_at = now
        if enqueued_time <= ear.whole_until:
            return  # known to be whole: from before we listened, or within what the hub's own answer covers
        if ear.window is None and ear.missed_since is None and now - ear.whole_until >= patience.after:
            ear.missed_since = ear.whole_until
        ear.reach(enqueued_time, now, patience)

    def look(self, now: datetime, begun: datetime, windows: Windows, patience: Patience) -> Iterator[Notice]:
        """Say what is news, given when this life of the process began."""
        found: dict[Blind, list[str]] = {Blind.SILENT: [], Blind.BEHIND: []}
        for partition in merged(self.ears, ()):
            ear = self.ears[partition]
            ear.settle(now, patience)
            kind = _blind(ear, now, begun, patience)
            if kind is not None:
                found[kind].append(partition)
        for kind, joining in found.items():
            yield from self._tell(kind, joining, now, windows, patience)

    def _tell(
        self, kind: Blind, joining: list[str], now: datetime, windows: Windows, patience: Patience
    ) -> Iterator[Notice]:
        for partition in joining:
            ear = self.ears[partition]
            since = ear.missed_since or ear.whole_until
            self.beginnings[kind] = min(since, self.beginnings.get(kind, since))
            ear.window, ear.missed_since = kind, None
        members = {name: ear for name, ear in self.ears.items() if ear.window is kind}
        if not members:
            return
        late = sum(ear.late_records for ear in members.values())
        extent = Extent(self.beginnings[kind], merged(members, ()), late=late)
        if kind not in windows.open:
            yield windows.begin(kind, extent, joining[0], now)
            return
        whole = [ear.whole_since for ear in members.values() if ear.whole_since is not None]
        if len(whole) < len(members) or now - max(whole) < patience.settle:
            yield from windows.go_on(kind, extent, now, patience.after)
            return
        for ear in members.values():
            ear.window, ear.late_records = None, 0
        del self.beginnings[kind]
        yield windows.end(kind, extent, max(whole), now)


def _blind(ear: Ear, now: datetime, begun: datetime, patience: Patience) -> Blind | None:
    if ear.window is not None:
        return None
    if ear.missed_since is not None:
        return Blind.BEHIND
    if now - ear.whole_until < patience.after:
        return None
    if now - ear.moved_at < patience.after / 2:
        return Blind.BEHIND
    # Whoever has only just begun to listen gets a moment to hear something.
    return Blind.SILENT if now - begun >= patience.after / 15 else None
