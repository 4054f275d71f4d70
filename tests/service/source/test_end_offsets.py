"""Since when an answer of the hub is known to be true: from when it was asked, by the hub's clock and not by ours."""

from datetime import timedelta

import pytest

from demo.hub import EmbeddedHub
from service.source.options import EndOffsets
from tests.fakes.clock import FakeClock
from tests.service.source.harness import Recorder
from tests.service.source.test_event_hub import fill, running, source_of

pytestmark = [
    pytest.mark.integration,
    # After a reset the SDK leaves sockets to the garbage collector, which complains.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


async def test_what_the_hub_says_is_known_since_it_was_asked_however_late_its_answer_is_read() -> None:
    async with EmbeddedHub(partitions=1, clock=FakeClock()) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 3)
        async with running(source_of(hub, recorder, clock), recorder):
            await recorder.until(3)
            recorder.events.clear()
            await clock.advance(60.0)
            asked = clock.now()
            await clock.advance(40.0)  # as if the process were frozen while the answer is under way
            [end_offset] = (await recorder.until_told(EndOffsets)).end_offsets
            assert end_offset.known_at == end_offset.hub_time == asked


@pytest.mark.parametrize("hours", [-6, 25])
async def test_whoever_sets_our_clock_does_not_set_that_of_the_hub(hours: int) -> None:
    async with EmbeddedHub(partitions=1, clock=FakeClock()) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 3)
        async with running(source_of(hub, recorder, clock), recorder):
            await recorder.until(3)
            recorder.events.clear()
            right = clock.now()
            clock.set(right + timedelta(hours=hours))
            await clock.advance(60.0)
            asked = clock.now()
            clock.set(clock.now() + timedelta(hours=1))  # while the answer is under way
            [end_offset] = (await recorder.until_told(EndOffsets)).end_offsets
            assert end_offset.known_at == asked + timedelta(hours=1)
            assert end_offset.hub_time == right + timedelta(seconds=60)


async def test_a_hub_that_has_taken_something_is_at_least_as_late_as_that_whatever_our_clock_says() -> None:
    later = FakeClock()
    await later.advance(3600.0)
    async with EmbeddedHub(partitions=1, clock=later) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 3)
        async with running(source_of(hub, recorder, clock), recorder):
            await recorder.until(3)
            await clock.advance(60.0)
            await recorder.until_told(EndOffsets)
            recorder.events.clear()
            await clock.advance(60.0)  # what the first look has found is known before the second
            [end_offset] = (await recorder.until_told(EndOffsets)).end_offsets
            assert end_offset.hub_time == later.now() + timedelta(seconds=60)


@pytest.mark.parametrize("days", [-3, 3])
async def test_a_clock_that_was_wrong_from_the_start_says_nothing_of_the_hubs(days: int) -> None:
    right = FakeClock()
    async with EmbeddedHub(partitions=2, clock=right) as hub:
        recorder, clock = Recorder(), FakeClock(right.now() + timedelta(days=days))
        fill(hub, "0", 3)
        async with running(source_of(hub, recorder, clock), recorder):
            await recorder.until(3)
            recorder.events.clear()
            await clock.advance(60.0)
            told = (await recorder.until_told(EndOffsets)).end_offsets
            assert {one.hub_time for one in told} == {right.now() + timedelta(seconds=60)}
