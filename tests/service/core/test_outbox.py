import json
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from models.stream.rows import UnexpectedRow
from service.core.outbox import LIFETIME, LONGEST_DELAY, LONGEST_RETRY_AFTER, PROBE_SECONDS, Broken, Outbox
from service.core.ports import Receipt, Rendered
from tests.fakes.clock import MONDAY_MORNING

NOW = MONDAY_MORNING
SENT, RETRY = Receipt("sent", "http_200"), Receipt("retry", "http_503")
REFUSED, BROKEN = Receipt("refused", "http_400"), Receipt("broken", "http_404")


def message(number: int, body: bytes = b"{}") -> Rendered:
    return Rendered(f"{number:016x}", ((f"alert{number}", 1),), body)


def outbox_with(*numbers: int, capacity: int = 1000) -> Outbox:
    outbox = Outbox(capacity=capacity)
    for number in numbers:
        outbox.enqueue("teams", message(number), NOW)
    outbox.confirm()
    return outbox


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_a_message_is_not_due_before_its_intention_is_durable() -> None:
    outbox = Outbox()
    outbox.enqueue("teams", message(1), NOW)
    mark = outbox.mark
    outbox.enqueue("teams", message(2), NOW)
    assert outbox.due("teams", NOW) == []
    assert outbox.next_due("teams") == NOW + LIFETIME, "it expires all the same"
    outbox.confirm(mark)
    assert outbox.due("teams", NOW) == [message(1)]
    outbox.confirm()
    assert outbox.due("teams", NOW) == [message(1), message(2)]


def test_the_same_id_is_taken_once_while_it_waits_and_after_it_was_sent() -> None:
    outbox = outbox_with(1, 1)
    assert outbox.waiting("teams") == 1
    outbox.record("teams", message(1).id, SENT, NOW, 0.5)
    outbox.enqueue("teams", message(1), NOW + after(60))
    assert outbox.waiting("teams") == 0
    outbox.enqueue("teams", message(1), NOW + LIFETIME)
    assert outbox.waiting("teams") == 1, "what was settled a lifetime ago is forgotten"


@pytest.mark.parametrize("by", [timedelta(hours=25), timedelta(hours=-6)])
def test_what_waits_is_as_far_from_its_times_as_before_when_the_clock_is_set(by: timedelta) -> None:
    outbox = outbox_with(1, 2, 3)
    outbox.record("teams", message(1).id, SENT, NOW, 0.5)
    outbox.record("teams", message(2).id, BROKEN, NOW, 0.5)
    calm = Outbox()
    calm.load(outbox.dump())
    for _ in range(2):  # told twice of the same, it moves once
        outbox.follow(by)
    calm.confirm()
    moved, stayed = outbox.next_due("teams"), calm.next_due("teams")
    assert moved is not None
    assert stayed is not None
    assert moved - stayed == by
    assert outbox.broken("teams") == Broken(NOW + by, "http_404")
    assert outbox.expire("teams", NOW + by + LIFETIME - after(1)) == []
    assert len(outbox.expire("teams", NOW + by + LIFETIME)) == 2
    outbox.enqueue("teams", message(1), NOW + by + LIFETIME - after(1))
    assert outbox.waiting("teams") == 0, "what was sent is remembered for as long as before"
    outbox.follow(timedelta(0))
    outbox.enqueue("teams", message(1), NOW + LIFETIME)
    assert outbox.waiting("teams") == 1


def test_one_id_may_go_to_several_sinks() -> None:
    outbox = outbox_with(1)
    outbox.enqueue("slack", message(1), NOW)
    outbox.confirm()
    outbox.record("teams", message(1).id, SENT, NOW, 0.5)
    assert outbox.due("slack", NOW) == [message(1)]


def test_the_wait_doubles_up_to_five_minutes_with_full_jitter() -> None:
    outbox = outbox_with(1)
    now, waits = NOW, []
    for _ in range(12):
        decision = outbox.record("teams", message(1).id, RETRY, now, 1.0)
        assert decision.next_try is not None
        waits.append((decision.next_try - now).total_seconds())
        now = decision.next_try
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0, 300.0, 300.0]
    assert outbox.record("teams", message(1).id, RETRY, now, 0.0).next_try == now
    assert outbox.record("teams", message(1).id, RETRY, now, 0.25).next_try == now + after(LONGEST_DELAY / 4)


@pytest.mark.parametrize(("asked", "waited"), [(90.0, 90.0), (0.0, 1.0), (1e9, LONGEST_RETRY_AFTER), (-3.0, 1.0)])
def test_retry_after_is_honoured_up_to_an_hour_by_the_sink_as_a_whole(asked: float, waited: float) -> None:
    outbox = outbox_with(1, 2)
    decision = outbox.record("teams", message(1).id, Receipt("retry", "http_429", asked), NOW, 0.5)
    assert decision.next_try == NOW + after(waited)
    assert outbox.due("teams", NOW + after(waited) - after(0.001)) == []
    assert outbox.next_due("teams") == NOW + after(waited)
    assert outbox.due("teams", NOW + after(waited)) == [message(2), message(1)]


def test_a_receiver_that_is_down_is_not_asked_once_a_message() -> None:
    outbox = outbox_with(*range(100))
    asked, now = 0, NOW
    while now < NOW + timedelta(hours=1):
        for due in outbox.due("teams", now)[:1]:
            asked += 1
            outbox.record("teams", due.id, RETRY, now, 1.0)
        now += after(1)
    assert asked < 25


def test_one_poisonous_message_does_not_hold_up_the_others_for_long() -> None:
    outbox = outbox_with(*range(20))
    now, sent = NOW, set[str]()
    while now < NOW + after(120):
        for due in outbox.due("teams", now)[:1]:
            poison = due == message(0)
            outbox.record("teams", due.id, RETRY if poison else SENT, now, 1.0)
            sent |= set() if poison else {due.id}
        now += after(1)
    assert len(sent) == 19


def test_a_refused_message_is_undeliverable_at_once_and_never_taken_again() -> None:
    outbox = outbox_with(1)
    decision = outbox.record("teams", message(1).id, REFUSED, NOW, 0.5)
    assert decision.undeliverable is not None
    assert decision.undeliverable.entry() == {
        "sink": "teams",
        "fate": "refused",
        "reason": "http_400",
        "attempts": 1,
        "message_id": message(1).id,
        "alerts": [["alert1", 1]],
        "content_type": "application/json",
        "body": "{}",
    }
    outbox.enqueue("teams", message(1), NOW)
    assert outbox.waiting("teams") == 0


def test_a_broken_sink_is_probed_slowly_with_one_message_until_it_heals() -> None:
    outbox = outbox_with(1, 2, 3)
    outbox.record("teams", message(1).id, BROKEN, NOW, 0.5)
    assert outbox.broken("teams") == Broken(NOW, "http_404")
    assert outbox.due("teams", NOW + after(PROBE_SECONDS - 1)) == []
    later = NOW + after(PROBE_SECONDS)
    assert len(outbox.due("teams", later)) == 1
    outbox.record("teams", message(2).id, Receipt("broken", "http_401"), later, 0.5)
    assert outbox.broken("teams") == Broken(NOW, "http_401")
    outbox.record("teams", message(3).id, SENT, later + after(PROBE_SECONDS), 0.5)
    assert outbox.broken("teams") is None
    assert len(outbox.due("teams", later + after(PROBE_SECONDS))) == 2, "nobody waits for a probe that is not needed"


def test_other_sinks_do_not_notice_that_one_is_broken() -> None:
    outbox = outbox_with(1)
    outbox.enqueue("slack", message(1), NOW)
    outbox.confirm()
    outbox.record("teams", message(1).id, BROKEN, NOW, 0.5)
    assert outbox.due("slack", NOW) == [message(1)]


def test_what_cannot_be_delivered_in_its_lifetime_is_given_up_loudly() -> None:
    outbox = outbox_with(1)
    outbox.record("teams", message(1).id, RETRY, NOW, 0.5)
    end = NOW + LIFETIME
    assert outbox.expire("teams", end - after(1)) == []
    assert outbox.due("teams", end) == []
    [letter] = outbox.expire("teams", end)
    assert (letter.message, letter.fate, letter.reason, letter.attempts) == (message(1), "expired", "http_503", 1)
    assert outbox.expire("teams", end) == []
    assert outbox.next_due("teams") is None


def test_a_full_queue_makes_room_for_the_newest() -> None:
    outbox = outbox_with(1, 2, capacity=2)
    letter = outbox.enqueue("teams", message(3), NOW)
    assert letter is not None
    assert (letter.message, letter.fate) == (message(1), "overflowed")
    assert outbox.waiting("teams") == 2


def test_the_queue_of_a_sink_that_is_no_longer_configured_is_given_up() -> None:
    outbox = outbox_with(1)
    [letter] = outbox.retain(["slack"])
    assert (letter.sink, letter.message, letter.fate) == ("teams", message(1), "orphaned")
    assert outbox.retain(["slack"]) == []


def test_the_queues_of_all_configured_sinks_are_kept() -> None:
    outbox = outbox_with(1)
    outbox.enqueue("slack", message(1), NOW)
    outbox.enqueue("siem", message(1), NOW)
    assert outbox.retain(name for name in ("siem", "slack", "teams")) == []
    assert [outbox.waiting(name) for name in ("siem", "slack", "teams")] == [1, 1, 1]


@pytest.mark.parametrize("body", [b"{}", "ü💩".encode(), b"\xff\x00", b""])
def test_a_dump_is_plain_json_and_gives_everything_back(body: bytes) -> None:
    outbox = Outbox()
    outbox.enqueue("teams", message(1, body), NOW)
    outbox.enqueue("teams", message(2), NOW)
    outbox.enqueue("slack", message(3), NOW)
    outbox.record("teams", message(1).id, BROKEN, NOW, 0.5)
    outbox.record("slack", message(3).id, SENT, NOW, 0.5)
    dump = json.loads(json.dumps(outbox.dump()))
    restored = Outbox()
    restored.load(dump)
    assert restored.dump() == outbox.dump()
    assert restored.mark == outbox.mark
    assert restored.broken("teams") == Broken(NOW, "http_404")
    assert restored.due("teams", NOW + after(PROBE_SECONDS)) == [message(2)]
    outbox.confirm()
    assert restored.due("teams", NOW + after(PROBE_SECONDS)) == outbox.due("teams", NOW + after(PROBE_SECONDS))


def test_a_dump_that_is_none_is_refused() -> None:
    with pytest.raises(UnexpectedRow, match="outbox: field 'number': Field required"):
        Outbox().load({"queues": "many"})


def test_a_receipt_for_a_message_that_had_to_make_room_meanwhile_changes_nothing_else() -> None:
    outbox = outbox_with(1, capacity=1)
    outbox.enqueue("teams", message(2), NOW)
    outbox.confirm()
    assert outbox.record("teams", message(1).id, SENT, NOW, 0.5).undeliverable is None
    assert outbox.due("teams", NOW) == [message(2)]


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
