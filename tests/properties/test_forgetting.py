"""What was forgotten was never seen: what a state learns again without some cells is what one without them knows.

The other state has read the same messages, and has had those cells taken from it when their buckets were closed. No
bound forgets anything here; where one does, who has to go may be another.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from models.stream.buckets import OpenBuckets
from models.stream.cells import ActorBucket, Crowd
from models.stream.windows import EPOCH, Bucket
from service.core.engine.relearning import Forgotten, SeenBucket, with_learnt_of
from service.core.engine.values import ClosedBucket
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.verdict import Verdict
from tests.fakes.verdicts import HOUR
from tests.properties.lives import real_engine, saved
from tests.properties.streams import ACTORS, PARTITIONS, START, Hub, hubs
from tests.properties.test_flagship_verdicts import journals

pytestmark = pytest.mark.slow


class NeverSaw(OpenBuckets):
    """Closes buckets without the cells that are to be forgotten."""

    forgotten = Forgotten("", EPOCH, EPOCH)

    def close_steps(self, watermark: datetime) -> Iterator[tuple[list[ActorBucket], Crowd] | None]:
        for closed in super().close_steps(watermark):
            if closed is None:
                yield None
                continue
            left = [one.seen for one in self.forgotten.without([SeenBucket(seen, {}) for seen in closed[0]])]
            yield left, Crowd.of(left)


class Reading:
    """An engine that reads a hub from end to end, and what it has closed."""

    def __init__(self, hub: Hub, journal: Sequence[Verdict], forgotten: Forgotten | None = None) -> None:
        self.engine = real_engine()
        self.engine.keeps_closed = True
        if forgotten is not None:
            buckets = NeverSaw(self.engine.options.bucket, self.engine.options.horizon)
            buckets.forgotten = forgotten
            self.engine.buckets = buckets
        self.engine.accept(Verdicts(journal))
        self.messages = sorted(
            ((message, events) for log in hub.partitions.values() for message, events in log),
            key=lambda one: (one[0].enqueued_time, one[0].partition, one[0].sequence_number),
        )
        self.end = hub.end + timedelta(days=1)

    def read(self, begin: int, until: int) -> list[ClosedBucket]:
        for message, events in self.messages[begin:until]:
            self.engine.apply(message, events)
        return self.engine.take_closed()

    def finish(self) -> list[ClosedBucket]:
        for partition in PARTITIONS:
            last = self.engine.positions.get(partition)
            self.engine.idle(partition, last.sequence_number if last else -1, self.end)
        return self.engine.take_closed()

    def learnt(self) -> list[str]:
        return [
            json.dumps([section, row], sort_keys=True)
            for section, row in self.engine.dump()
            if section.startswith(("population ", "identities ", "verdict"))
        ]


def learnt_again(
    hub: Hub, journal: Sequence[Verdict], forgotten: Forgotten, kept_after: int
) -> tuple[list[str], list[str], bool]:
    """Return what is known after forgetting, what is known without ever having seen it, and whether that differs."""
    whole = Reading(hub, journal)
    whole.read(0, kept_after)
    kept = saved(whole.engine)
    later = [*whole.read(kept_after, len(whole.messages)), *whole.finish()]
    again = Reading(hub, journal)
    again.engine.load(kept)
    for closed in later:
        bucket = [SeenBucket(one.seen, one.exclusions) for one in closed.judgements]
        again.engine.learn_again(forgotten.without(bucket))
    again.engine.apply_until(whole.engine.buckets.closed_until)
    never = Reading(hub, journal, forgotten)
    never.read(0, len(never.messages))
    never.finish()
    return again.learnt(), never.learnt(), whole.learnt() != never.learnt()


def situations() -> st.SearchStrategy[tuple[Hub, list[Verdict], Forgotten, int]]:
    begins = st.integers(0, 4).map(lambda hour: START.replace(minute=0) + hour * HOUR)
    forgotten = st.builds(
        lambda actor, start, hours: Forgotten(actor.id, start, start + hours * HOUR),
        st.sampled_from(ACTORS),
        begins,
        st.integers(1, 3),
    )
    return st.tuples(hubs(), st.one_of(st.just([]), journals()), forgotten, st.integers(0, 6))


def possible(hub: Hub, forgotten: Forgotten, kept_after: int) -> int:
    """Return after how many messages a state may have been kept that had learnt nothing of what is to be forgotten."""
    reading = Reading(hub, [])
    for number in range(kept_after):
        reading.read(number, number + 1)
        if reading.engine.buckets.closed_until > forgotten.begins:
            return number
    return kept_after


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(situations())
def test_what_is_forgotten_was_never_seen(drawn: tuple[Hub, list[Verdict], Forgotten, int]) -> None:
    hub, journal, forgotten, kept_after = drawn
    again, never, _ = learnt_again(hub, journal, forgotten, possible(hub, forgotten, kept_after))
    assert again == never


@pytest.mark.integration
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(situations())
def test_so_it_is_hundreds_of_times(drawn: tuple[Hub, list[Verdict], Forgotten, int]) -> None:
    hub, journal, forgotten, kept_after = drawn
    again, never, _ = learnt_again(hub, journal, forgotten, possible(hub, forgotten, kept_after))
    assert again == never


def test_there_is_something_to_forget() -> None:
    find(
        situations(),
        lambda drawn: learnt_again(drawn[0], drawn[1], drawn[2], 0)[2],
        settings=settings(phases=[Phase.generate], deadline=None, derandomize=True),
    )


def test_what_is_learnt_comes_from_one_state_and_all_else_from_the_other() -> None:
    hub = find(hubs(), lambda hub: len(hub.partitions["0"]) > 3, settings=settings(derandomize=True, deadline=None))
    now, older = Reading(hub, []), Reading(hub, [])
    older.read(0, 2)
    now.read(0, len(now.messages))
    now.finish()
    combined = Reading(hub, [])
    combined.engine.load(with_learnt_of(saved(now.engine), saved(older.engine)))
    assert combined.learnt() == older.learnt()
    assert combined.engine.positions == now.engine.positions
    assert combined.engine.watermark.time == now.engine.watermark.time
    assert combined.engine.buckets.closed_until == now.engine.buckets.closed_until
    assert Bucket.of(now.engine.watermark.time, HOUR).start == now.engine.buckets.closed_until
