"""A hub of two partitions and its reader, minute by minute, for the tests of coverage gaps."""

import json
from datetime import datetime, timedelta

from service.core.coverage.gaps import GapLimits
from service.core.coverage.monitor import CoverageMonitor
from service.core.messages import EndOffset, Message
from service.core.notices import GapKind, Notice
from tests.fakes.clock import MONDAY_MORNING

LOOK = 5
HOUR = 60


class Hub:
    """Two partitions, a reader of them that can be switched off, and minutes that pass."""

    def __init__(self, *, settle: int = 15) -> None:
        self.limits = GapLimits(settle=timedelta(minutes=settle))
        self.coverage = CoverageMonitor(self.limits)
        self.minute = 0
        self.notices: list[Notice] = []
        self.last = {"0": -1, "1": -1}
        self.enqueued: dict[str, list[Message]] = {"0": [], "1": []}
        self.had = {"0": 0, "1": 0}
        self.jumped = timedelta(0)
        self.coverage.begin({}, self.now)
        self.ask("0", "1")

    @property
    def now(self) -> datetime:
        return self.at(self.minute)

    def at(self, minute: int) -> datetime:
        return MONDAY_MORNING + timedelta(minutes=minute) + self.jumped

    def set_clock(self, hours: int) -> None:
        """Set our clock, and not the hub's."""
        self.jumped += timedelta(hours=hours)
        self.coverage.follow(self.jumped)

    def put(self, partition: str, *, lost: int = 0) -> None:
        """Let the hub take a message now, after so many that nobody will see."""
        self.last[partition] += 1 + lost
        number = self.last[partition]
        self.enqueued[partition].append(Message(partition, number, str(number), self.now - self.jumped, b""))

    def read(self, partition: str, *, delay: int = 5, unjudged: int = 0) -> None:
        """Read what the hub has of a partition; each message holds three events, `delay` minutes old when taken."""
        for message in self.enqueued[partition][self.had[partition] :]:
            newest = message.enqueued_time - timedelta(minutes=delay)
            self.coverage.note_message(message, records=3, newest=newest, unjudged=unjudged, now=self.now)
        self.had[partition] = len(self.enqueued[partition])

    def ask(self, *partitions: str) -> None:
        """Ask the hub for its newest messages."""
        for partition in partitions:
            self.coverage.note_end_offset(EndOffset(partition, self.last[partition], self.now, self.now))

    def look(self) -> list[Notice]:
        self.notices += (news := self.coverage.check(self.now))
        return news

    def quiet(self, minutes: int, *partitions: str) -> None:
        """Let minutes pass in which nothing happens, and the hub says so of these partitions."""
        for _ in range(minutes):
            self.minute += 1
            self.ask(*partitions)
            if self.minute % LOOK == 0:
                self.look()

    def restart(self) -> None:
        saved = json.loads(json.dumps(self.coverage.dump()))
        self.coverage = CoverageMonitor(self.limits)
        self.coverage.load(saved)
        self.coverage.begin({}, self.now)

    def told(self) -> list[tuple[GapKind, str]]:
        return [(notice.kind, notice.stage) for notice in self.notices]
