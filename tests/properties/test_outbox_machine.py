"""Whatever is told, tried, saved and restarted, and whoever sets the clock: the outbox accounts for every message."""

import json
from datetime import datetime, timedelta
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service.core.outbox import LIFETIME, Outbox, Undeliverable
from service.core.ports import Receipt, Rendered
from tests.fakes.clock import MONDAY_MORNING

SINKS = ("teams", "slack")
CAPACITY = 3
LIFE = int(LIFETIME.total_seconds())
Key = tuple[str, str]


class OutboxMachine(RuleBasedStateMachine):
    """An outbox of little room, and a ledger of what became of each message, by a stopwatch of whole seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(capacity=CAPACITY)
        self.stopwatch = 0
        self.set_by = timedelta(0)
        self.set_before = timedelta(0)  # what earlier processes have seen of it
        self.created: dict[Key, int] = {}
        self.waiting: set[Key] = set()
        self.told: dict[Key, int] = {}
        self.told_in_order: list[Key] = []
        self.remembered: dict[Key, int] = {}
        self.gone: list[tuple[Key, str]] = []

    @property
    def now(self) -> datetime:
        return MONDAY_MORNING + timedelta(seconds=self.stopwatch) + self.set_by

    sinks = st.sampled_from(SINKS)

    @rule(sink=sinks, number=st.integers(0, 3), revision=st.integers(1, 3))
    def tell(self, sink: str, number: int, revision: int) -> None:
        message = Rendered(f"{number:016x}.{revision}", ((f"alert{number}", revision),), b"{}")
        key = (sink, message.id)
        is_news = key not in self.waiting and self.remembered.get(key, -1) <= self.stopwatch
        displaced = self.outbox.enqueue(sink, message, self.now)
        if is_news:
            self.created[key] = self.stopwatch
            self.waiting.add(key)
            self.told[key] = len(self.told_in_order)
            self.told_in_order.append(key)
        else:
            assert displaced is None
        if displaced is not None:
            assert displaced.fate == "overflowed"
            self.give_up(displaced)

    @rule()
    def save(self) -> None:
        self.outbox.confirm(self.outbox.mark)

    @rule(
        sink=sinks,
        outcome=st.sampled_from(["sent", "retry", "refused", "broken"]),
        jitter=st.sampled_from([0.0, 0.5, 1.0]),
        after=st.sampled_from([None, 30.0]),
    )
    def attempt(
        self, sink: str, outcome: Literal["sent", "retry", "refused", "broken"], jitter: float, after: float | None
    ) -> None:
        for message in self.outbox.due(sink, self.now)[:1]:
            receipt = Receipt(outcome, "x", after)
            decision = self.outbox.record(sink, message.id, receipt, self.now, jitter)
            if decision.undeliverable is not None:
                assert outcome == "refused"
                self.give_up(decision.undeliverable)
            if decision.next_try is None:
                self.waiting.discard((sink, message.id))
                self.remembered[sink, message.id] = self.stopwatch + LIFE

    @rule(sink=sinks)
    def expire(self, sink: str) -> None:
        for letter in self.outbox.expire(sink, self.now):
            assert letter.fate == "expired"
            assert self.stopwatch - self.created[sink, letter.message.id] >= LIFE
            self.give_up(letter)
        assert all(self.stopwatch - self.created[key] < LIFE for key in self.waiting if key[0] == sink)

    @rule(seconds=st.sampled_from([1, 30, 600, 40_000]))
    def wait(self, seconds: int) -> None:
        self.stopwatch += seconds

    @rule(hours=st.sampled_from([-30, -6, 1, 25]))
    def set_clock(self, hours: int) -> None:
        before = {sink: (self.outbox.next_due(sink), self.outbox.due(sink, self.now)) for sink in SINKS}
        by = timedelta(hours=hours)
        self.set_by += by
        for _ in range(2):  # once is as good as twice
            self.outbox.follow(self.set_by - self.set_before)
        for sink, (next_due, due) in before.items():
            moved = self.outbox.next_due(sink)
            assert (moved is None) == (next_due is None)
            assert moved is None or next_due is None or moved - next_due == by
            assert self.outbox.due(sink, self.now) == due

    @rule()
    def restart(self) -> None:
        saved = json.loads(json.dumps(self.outbox.dump()))
        self.outbox = Outbox(capacity=CAPACITY)
        self.outbox.load(saved)
        self.set_before = self.set_by

    @rule(sink=sinks)
    def remove_sink(self, sink: str) -> None:
        for letter in self.outbox.retain([one for one in SINKS if one != sink]):
            assert letter.fate == "orphaned"
            self.give_up(letter)
        self.remembered = {key: until for key, until in self.remembered.items() if key[0] != sink}

    def give_up(self, letter: Undeliverable) -> None:
        key = (letter.sink, letter.message.id)
        self.waiting.remove(key)
        self.remembered[key] = self.created[key] + LIFE
        self.gone.append((key, letter.fate))

    @invariant()
    def nothing_is_lost_that_is_not_said_to_be(self) -> None:
        for sink in SINKS:
            waiting = {key for key in self.waiting if key[0] == sink}
            assert self.outbox.waiting(sink) == len(waiting) <= CAPACITY

    @invariant()
    def nothing_is_due_twice_or_unknown(self) -> None:
        for sink in SINKS:
            due = [message.id for message in self.outbox.due(sink, self.now)]
            assert len(due) == len(set(due))
            assert {(sink, one) for one in due} <= self.waiting

    @invariant()
    def no_revision_overtakes_one_that_was_told_before_it(self) -> None:
        for sink in SINKS:
            for message in self.outbox.due(sink, self.now):
                [(alert, revision)] = message.alerts
                earlier = {f"{alert[5:]:0>16}.{number}" for number in range(1, revision)}
                before = [(sink, one) for one in earlier if (sink, one) in self.waiting]
                assert all(self.told[one] > self.told[sink, message.id] for one in before)

    @invariant()
    def what_waits_has_a_time_at_which_something_happens(self) -> None:
        for sink in SINKS:
            assert (self.outbox.next_due(sink) is None) == (self.outbox.waiting(sink) == 0)


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(deadline=None, max_examples=60, stateful_step_count=60)
