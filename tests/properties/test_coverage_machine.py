"""Whatever is read, lost, delayed and restarted, and whoever sets our clock: gaps open once, and close in the end."""

import json
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service.core.coverage.gaps import GapLimits
from service.core.coverage.monitor import CoverageMonitor
from service.core.messages import EndOffset, Message
from service.core.notices import GapKind, Notice
from tests.fakes.clock import MONDAY_MORNING

PARTITIONS = ("0", "1")
LIMITS = GapLimits()
LOOK = 5  # minutes


class CoverageMachine(RuleBasedStateMachine):
    """A hub with a right clock, a reader with one that somebody sets, and the notices so far."""

    def __init__(self) -> None:
        super().__init__()
        self.coverage = CoverageMonitor()
        self.minute = 0
        self.began = 0
        self.set_by = timedelta(0)
        self.set_before = timedelta(0)  # what earlier processes have seen of it
        self.hub: dict[str, list[Message]] = {partition: [] for partition in PARTITIONS}
        self.last = dict.fromkeys(PARTITIONS, -1)
        self.had = dict.fromkeys(PARTITIONS, 0)
        self.open: dict[GapKind, Notice] = {}
        self.ids: set[str] = set()
        self.lost = False
        self.coverage.begin({}, self.now)
        for partition in PARTITIONS:
            self.ask(partition)

    @property
    def hub_time(self) -> datetime:
        return MONDAY_MORNING + timedelta(minutes=self.minute)

    @property
    def now(self) -> datetime:
        return self.hub_time + self.set_by

    partitions = st.sampled_from(PARTITIONS)

    @rule(partition=partitions)
    def put(self, partition: str) -> None:
        self.last[partition] += 1
        self.hub[partition].append(Message(partition, self.last[partition], "", self.hub_time, b""))

    @rule(partition=partitions, count=st.integers(1, 3))
    def lose(self, partition: str, count: int) -> None:
        self.last[partition] += count
        self.lost = True

    @rule(partition=partitions, count=st.integers(1, 4), old=st.sampled_from([2, 70, 2_000]))
    def read(self, partition: str, count: int = 1_000, old: int = 2) -> None:
        for message in self.hub[partition][self.had[partition] :][:count]:
            newest = message.enqueued_time - timedelta(minutes=old)
            self.coverage.note_message(message, records=2, newest=newest, unjudged=2 * (old == 2_000), now=self.now)
            self.had[partition] += 1

    @rule(partition=partitions)
    def ask(self, partition: str) -> None:
        self.coverage.note_end_offset(EndOffset(partition, self.last[partition], self.now, self.now))

    @rule(minutes=st.sampled_from([1, 5, 20, 90]), asked=st.booleans())
    def wait(self, minutes: int, asked: bool) -> None:
        """Let minutes pass; `asked`: the hub says meanwhile what it holds."""
        for _ in range(0, minutes, LOOK):
            self.minute += min(LOOK, minutes)
            for partition in PARTITIONS if asked else ():
                self.ask(partition)
            self.look()

    @rule(hours=st.sampled_from([-6, 25]))
    def set_clock(self, hours: int) -> None:
        """Set it wrong, or right again; by itself it is no news."""
        for _ in range(3):  # what is found late is closed with the next look
            self.look()
        assert not self.look()
        self.set_by = timedelta(0) if self.set_by else timedelta(hours=hours)
        self.coverage.follow(self.set_by - self.set_before)
        # How late events reach the hub is a matter of the hub's clock, and when that is over is seen by ours.
        assert all(notice.kind is GapKind.LATE for notice in self.look())

    @rule(downtime=st.sampled_from([0, 30, 600]))
    def restart(self, downtime: int) -> None:
        saved = json.loads(json.dumps(self.coverage.dump()))
        self.minute += downtime
        self.coverage = CoverageMonitor()
        self.coverage.load(saved)
        self.set_before = self.set_by
        self.coverage.begin({}, self.now)
        self.began = self.minute

    def look(self) -> list[Notice]:
        notices = self.coverage.check(self.now)
        for notice in notices:
            before = self.open.pop(notice.kind, None)
            if notice.stage == "opened":
                assert before is None
                # Lateness is by the hub's clock and its end by ours: set to and fro, that tells the same gap again.
                assert notice.id not in self.ids or notice.kind is GapKind.LATE
                assert notice.revision == 1
                self.ids.add(notice.id)
                if notice.kind is GapKind.SILENT:
                    assert timedelta(minutes=self.minute - self.began) >= LIMITS.after, "too young to know"
            else:
                assert before is not None
                assert (notice.id, notice.revision) == (before.id, before.revision + 1)
            assert notice.partitions
            if notice.stage != "closed":
                self.open[notice.kind] = notice
        return notices

    @invariant()
    def what_is_open_has_been_told(self) -> None:
        assert self.coverage.open == self.open.keys()

    @invariant()
    def nothing_is_lost_that_was_not_lost(self) -> None:
        assert self.lost or GapKind.LOST not in self.open

    def teardown(self) -> None:
        """Once our clock is right and everything is read, everything is closed."""
        if self.set_by:
            self.set_clock(0)
        for _ in range(12):
            for partition in PARTITIONS:
                self.put(partition)
                self.read(partition)
            self.wait(LOOK, asked=True)
        assert not self.open


TestCoverageMachine = CoverageMachine.TestCase
TestCoverageMachine.settings = settings(deadline=None, max_examples=60, stateful_step_count=60)
