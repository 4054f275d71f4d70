"""A dead letter that does not answer holds up nobody, and what it was not given is counted."""

import asyncio

from structlog.testing import capture_logs

from service.storage.impatient import ANSWER_WITHIN, LEFT_ALONE, ImpatientDeadLetterStore
from tests.fakes.clock import FakeClock
from tests.fakes.letters import FakeDeadLetterStore


async def test_what_is_written_in_time_is_the_stores_business() -> None:
    clock = FakeClock()
    letters = FakeDeadLetterStore(clock)
    store = ImpatientDeadLetterStore(letters, clock)
    await store.write([{"n": 1}, {"n": 2}])
    letters.full = True
    await store.write([{"n": 3}])
    assert (store.written, store.dropped) == (2, 1)


async def test_a_store_that_hangs_is_left_alone_for_a_while() -> None:
    clock = FakeClock()
    letters = FakeDeadLetterStore(clock, seconds=1e9)
    store = ImpatientDeadLetterStore(letters, clock)
    with capture_logs() as logs:
        writing = asyncio.ensure_future(store.write([{"n": 1}]))
        await clock.advance(ANSWER_WITHIN)
        await writing
    assert [(line["event"], line["error"]) for line in logs] == [("dead_letter_not_writable", "no answer within 5 s")]
    letters._seconds = 0.0
    await store.write([{"n": 2}, {"n": 3}])
    assert (store.written, store.dropped) == (0, 3)
    await clock.advance(LEFT_ALONE)
    await store.write([{"n": 4}])
    assert (store.written, store.dropped, letters.entries) == (1, 3, [{"n": 4}])
