import json
from datetime import timedelta

import pytest

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


@pytest.mark.parametrize("days", [-3, 0, 3])
def test_what_a_process_finds_waiting_is_tried_within_an_hour_before_it_is_given_up_whatever_its_clock_says(
    days: int,
) -> None:
    before = outbox_with(1, 2)
    before.record("teams", message(1).id, RETRY, NOW, 1.0)
    outbox = Outbox()
    outbox.load(json.loads(json.dumps(before.dump())))
    now = NOW + timedelta(days=days)
    outbox.resume(now)
    soon = now + after(LONGEST_RETRY_AFTER)
    assert outbox.expire("teams", soon) == []
    assert sorted(outbox.due("teams", soon)) == [message(1), message(2)]
    assert {one.fate for one in outbox.expire("teams", now + LIFETIME)} == {"expired"}
    assert outbox.waiting("teams") == 0


def test_what_is_not_doubtful_goes_on_as_it_was() -> None:
    before = outbox_with(1, 2)
    before.record("teams", message(1).id, RETRY, NOW, 1.0)
    outbox = Outbox()
    outbox.load(json.loads(json.dumps(before.dump())))
    outbox.resume(NOW + after(60))
    assert outbox.dump() == before.dump()


def test_a_full_queue_makes_room_for_the_newest() -> None:
    outbox = outbox_with(1, 2, capacity=2)
    letter = outbox.enqueue("teams", message(3), NOW)
    assert letter is not None
    assert (letter.message, letter.fate) == (message(1), "overflowed")
    assert outbox.waiting("teams") == 2


def test_of_a_full_queue_the_least_urgent_makes_room_and_of_equals_the_oldest() -> None:
    outbox = outbox_with(capacity=3)
    for number, urgency in ((1, 50.0), (2, 10.0), (3, 10.0)):
        assert outbox.enqueue("teams", message(number), NOW, urgency) is None
    given_up = [outbox.enqueue("teams", message(number), NOW, urgency) for number, urgency in ((4, 20.0), (5, 5.0))]
    assert [letter.message for letter in given_up if letter] == [message(2), message(5)]
    outbox.confirm()
    assert outbox.due("teams", NOW) == [message(1), message(4), message(3)]


def test_urgency_survives_a_restart() -> None:
    outbox = Outbox()
    outbox.enqueue("teams", message(1), NOW, 1.0)
    outbox.enqueue("teams", message(2), NOW, 2.0)
    restored = Outbox()
    restored.load(json.loads(json.dumps(outbox.dump())))
    assert restored.due("teams", NOW) == [message(2), message(1)]


def test_after_a_failure_what_has_waited_longest_comes_first_until_something_succeeds() -> None:
    outbox = Outbox()
    for number in (1, 2, 3):
        outbox.enqueue("teams", message(number), NOW, float(number))
    outbox.confirm()
    tried, now = [], NOW
    for _ in range(3):
        [first, *_] = outbox.due("teams", now)
        tried.append(first)
        outbox.record("teams", first.id, RETRY, now, 1.0)
        now += after(LONGEST_DELAY)
    assert tried == [message(3), message(1), message(2)]
    outbox.record("teams", message(1).id, SENT, now, 1.0)
    assert outbox.due("teams", now) == [message(3), message(2)]


def test_a_flood_of_messages_that_are_settled_is_forgotten_a_lifetime_later() -> None:
    outbox = outbox_with(*range(100), capacity=10)
    later = NOW + LIFETIME
    outbox.expire("teams", later)
    outbox.enqueue("teams", message(1_000), later)
    dump = outbox.dump()
    assert isinstance(dump, dict)
    assert "'settled': {}" in str(dump)


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


def test_a_later_revision_waits_until_the_earlier_one_is_told_or_given_up() -> None:
    def revision(number: int) -> Rendered:
        return Rendered(f"alert1.{number}", (("alert1", number),), b"{}")

    for ended in (SENT, REFUSED):
        outbox = Outbox()
        for one in (revision(1), revision(2), message(2)):
            outbox.enqueue("teams", one, NOW)
        outbox.confirm()
        assert outbox.due("teams", NOW) == [revision(1), message(2)]
        outbox.record("teams", revision(1).id, RETRY, NOW, 1.0)
        outbox.record("teams", message(2).id, SENT, NOW, 1.0)
        assert outbox.due("teams", NOW) == [], "the first revision has failed, and is tried again before the second"
        later = NOW + timedelta(hours=1)
        assert outbox.due("teams", later) == [revision(1)]
        outbox.record("teams", revision(1).id, ended, later, 1.0)
        assert outbox.due("teams", later) == [revision(2)]


def test_a_later_revision_waits_also_while_the_earliest_of_all_is_told_again() -> None:
    first, second, third = (Rendered(f"alert1.{number}", (("alert1", number),), b"{}") for number in (1, 2, 3))
    outbox = Outbox()
    for one in (second, third, first):
        outbox.enqueue("teams", one, NOW)
    outbox.confirm()
    assert outbox.due("teams", NOW) == [second, first]


def test_what_follows_an_alert_waits_until_that_is_told_or_given_up_also_in_the_next_life() -> None:
    def verdict(number: int) -> Rendered:
        return Rendered(f"verdict{number}", ((f"verdict{number}", 1),), b"{}", follows=f"alert{number}")

    outbox = outbox_with(1, 2)
    for found in (verdict(1), verdict(2), verdict(3)):
        outbox.enqueue("teams", found, NOW)
    outbox.confirm()
    assert outbox.due("teams", NOW) == [message(1), message(2), verdict(3)], "whoever is told of none is told at once"
    outbox.record("teams", verdict(3).id, SENT, NOW, 1.0)
    outbox.record("teams", message(1).id, RETRY, NOW, 1.0)
    outbox.record("teams", message(2).id, REFUSED, NOW, 1.0)
    later = Outbox()
    later.load(json.loads(json.dumps(outbox.dump())))
    for one in (outbox, later):
        assert one.due("teams", NOW) == [verdict(2)]
        one.record("teams", verdict(2).id, SENT, NOW, 1.0)
        assert one.due("teams", NOW) == []
        assert one.next_due("teams") == NOW + after(2), "it does not look again and again for what is held back"
        one.record("teams", message(1).id, SENT, NOW + after(2), 1.0)
        assert one.due("teams", NOW + after(2)) == [verdict(1)]
