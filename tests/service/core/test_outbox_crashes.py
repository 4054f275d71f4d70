"""Under any receipts and crashes nothing that the outbox holds is lost, or sent twice after it was settled."""

import json
from datetime import datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service.core.outbox import LIFETIME, LONGEST_RETRY_AFTER, Outbox
from service.core.ports import Receipt
from tests.service.core.test_outbox import BROKEN, NOW, REFUSED, RETRY, SENT, after, message


class Delivery(RuleBasedStateMachine):
    """Two sinks, any receipts, and crashes that go back to the last snapshot."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox()
        self.now = NOW
        self.snapshot = json.dumps(self.outbox.dump())
        self.pending: tuple[int, str, dict[tuple[str, str], str], dict[tuple[str, str], datetime]] | None = None
        # What the world knows, in memory and as of the snapshot: where each message stands.
        self.fate: dict[tuple[str, str], str] = {}
        self.saved_fate: dict[tuple[str, str], str] = {}
        self.born = dict[tuple[str, str], float]()
        self.bodies = dict[str, bytes]()
        # When a settled id may be used again.
        self.forgotten = dict[tuple[str, str], datetime]()
        self.saved_forgotten = dict[tuple[str, str], datetime]()

    sinks = st.sampled_from(["teams", "slack"])

    @rule(sink=sinks, numbers=st.sets(st.integers(0, 2), min_size=1))
    def enqueue(self, sink: str, numbers: set[int]) -> None:
        for number in sorted(numbers):
            self._enqueue(sink, number)

    def _enqueue(self, sink: str, number: int) -> None:
        told = message(number, str(number).encode())
        key = (sink, told.id)
        assert self.outbox.enqueue(sink, told, self.now) is None
        if key not in self.fate or self.now >= self.forgotten.get(key, self.now + LIFETIME):
            self.fate[key] = "waiting"
            self.forgotten.pop(key, None)
            self.born[key] = self.seconds
            self.bodies[told.id] = told.body

    @rule()
    def start_saving(self) -> None:
        self.pending = (self.outbox.mark, json.dumps(self.outbox.dump()), dict(self.fate), dict(self.forgotten))

    @rule()
    def finish_saving(self) -> None:
        if self.pending is not None:
            mark, self.snapshot, self.saved_fate, self.saved_forgotten = self.pending
            self.pending = None
            self.outbox.confirm(mark)

    @rule()
    def save(self) -> None:
        self.start_saving()
        self.finish_saving()

    @rule()
    def crash(self) -> None:
        self.outbox = Outbox()
        self.outbox.load(json.loads(self.snapshot))
        self.pending = None
        self.fate, self.forgotten = dict(self.saved_fate), dict(self.saved_forgotten)

    @rule(seconds=st.sampled_from([0.5, 5.0, 400.0, 3_700.0, 40_000.0]))
    def wait(self, seconds: float) -> None:
        self.now += after(seconds)

    @rule(
        sink=sinks,
        receipts=st.lists(
            st.sampled_from([SENT, RETRY, REFUSED, BROKEN, Receipt("retry", "http_429", 30.0)]), min_size=1, max_size=3
        ),
        jitter=st.floats(0, 1),
    )
    def attempt(self, sink: str, receipts: list[Receipt], jitter: float) -> None:
        for receipt in receipts:
            self._attempt(sink, receipt, jitter)

    def _attempt(self, sink: str, receipt: Receipt, jitter: float) -> None:
        for due in self.outbox.due(sink, self.now)[:1]:
            key = (sink, due.id)
            assert self.saved_fate.get(key), "sent before the intention was durable"
            assert self.fate[key] == "waiting", "sent again after it was settled"
            assert due.body == self.bodies[due.id], "an id changed its content"
            decision = self.outbox.record(sink, due.id, receipt, self.now, jitter)
            assert (decision.next_try is None) == (receipt.outcome in {"sent", "refused"})
            assert decision.next_try is None or decision.next_try <= self.now + after(LONGEST_RETRY_AFTER)
            if decision.next_try is None:
                self.fate[key] = receipt.outcome
                self.forgotten[key] = self.now + LIFETIME

    @rule(sink=sinks)
    def expire(self, sink: str) -> None:
        for letter in self.outbox.expire(sink, self.now):
            key = (sink, letter.message.id)
            assert self.fate[key] == "waiting"
            assert self.seconds - self.born[key] >= LIFETIME.total_seconds(), "given up too early"
            self.fate[key] = "expired"
            self.forgotten[key] = self.now

    @rule(sink=sinks, receipt=st.sampled_from([SENT, REFUSED]))
    def settle_everything(self, sink: str, receipt: Receipt) -> None:
        self.save()
        while self.outbox.due(sink, self.now):
            self._attempt(sink, receipt, 0.5)

    @invariant()
    def there_is_always_a_next_time(self) -> None:
        for sink in ("teams", "slack"):
            moment = self.outbox.next_due(sink)
            assert (moment is not None) == (self.outbox.waiting(sink) > 0)
            assert moment is None or moment <= self.now + LIFETIME

    @invariant()
    def nothing_is_lost(self) -> None:
        for sink in ("teams", "slack"):
            waiting = sum(fate == "waiting" for (name, _), fate in self.fate.items() if name == sink)
            assert self.outbox.waiting(sink) == waiting

    @property
    def seconds(self) -> float:
        return (self.now - NOW).total_seconds()


Delivery.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_under_any_receipts_and_crashes_nothing_is_lost_or_sent_twice = Delivery.TestCase
