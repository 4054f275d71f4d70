from service.core.parsing.rejects import Reject, RejectReason
from service.storage.reject_letters import RejectLetters
from tests.fakes.clock import FakeClock
from tests.fakes.letters import FakeDeadLetterStore

BAD = Reject(RejectReason.BAD_TIME, "a sample", "cannot read")
MORE = Reject(RejectReason.BAD_TIME, "", "beside 8 that are shown", 1_000)


def total(store: FakeDeadLetterStore) -> int:
    """Return how many rejects all entries stand for."""
    counts = [entry.get("records", 1) for entry in store.entries]
    return sum(count for count in counts if isinstance(count, int))


async def test_a_few_rejects_are_written_one_by_one() -> None:
    clock = FakeClock()
    store = FakeDeadLetterStore(clock)

    await RejectLetters(store, clock).write([BAD] * 5)

    assert store.entries == [{"reason": "bad_time", "detail": "cannot read", "sample": "a sample"}] * 5


async def test_of_a_batch_a_few_are_shown_and_the_others_counted() -> None:
    clock = FakeClock()
    store = FakeDeadLetterStore(clock)

    await RejectLetters(store, clock, per_batch=20).write([BAD, MORE] * 300)

    assert len(store.entries) == 21
    assert total(store) == 300 * 1_001


async def test_a_flood_is_written_no_faster_than_it_may_and_what_it_held_back_is_told_later() -> None:
    clock = FakeClock()
    store = FakeDeadLetterStore(clock)
    letters = RejectLetters(store, clock, per_batch=20, at_once=100, every_seconds=10.0)

    for _ in range(1_000):
        await letters.write([BAD] * 1_000)
    assert len(store.entries) == 100

    await clock.advance(25.0)
    await letters.write([BAD])
    await letters.write([BAD])
    assert len(store.entries) == 102
    assert total(store) >= 999_000
    assert all(entry["reason"] == "bad_time" for entry in store.entries)


async def test_a_quiet_day_makes_no_more_room_than_there_was() -> None:
    clock = FakeClock()
    store = FakeDeadLetterStore(clock)
    letters = RejectLetters(store, clock, per_batch=1_000, at_once=50)

    await clock.advance(86_400.0)
    await letters.write([BAD] * 1_000)

    assert len(store.entries) == 50
