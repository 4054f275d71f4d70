"""What is remembered of one tick for the next changes nothing: whoever judges all again finds the same, to the byte."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.detectors.judging import Asked
from models.detectors.registry import build
from models.stream.events import ActivityEvent, Outcome
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.messages import Message
from tests.properties.streams import ACTORS, LATENESS, PARTITIONS, START, Hub, Record, hub_of, hubs

NAMES = ("dormant", "failure_spike", "first_sight", "new_network", "rare_action", "rare_failure", "volume_spike")
DAYS = 2  # that the same hours were lived through before, so that something is known
Script = list[tuple[str, int]]


def experienced(usual: Hub) -> Engine:
    """Return an engine that tells of next to everything, and has seen what is usual on each of some days before."""
    thresholds = dict.fromkeys(NAMES, 5.0)
    engine = Engine(Options(lateness=LATENESS, thresholds=thresholds), [build(name) for name in NAMES])
    engine.expect(PARTITIONS)
    for days in range(DAYS, 0, -1):
        for partition in PARTITIONS:
            for at, (_, events) in enumerate(usual.partitions[partition]):
                before = [event._replace(time=event.time - timedelta(days=days)) for event in events]
                number = at - days * 1_000
                engine.apply(Message(partition, number, str(number), START, b""), before)
    engine.begin(START)
    return engine


class Twins:
    """Two engines to which the same happens: one remembers what it has judged, the other judges everything again."""

    def __init__(self, hub: Hub, usual: Hub) -> None:
        self.hub = hub
        self.one, self.other = experienced(usual), experienced(usual)
        self.cursor = dict.fromkeys(PARTITIONS, 0)
        self.now = START
        self.unusual = 0

    def read(self, partition: str) -> None:
        messages = self.hub.partitions[partition]
        if self.cursor[partition] < len(messages):
            message, events = messages[self.cursor[partition]]
            self.cursor[partition] += 1
            self.now = max(self.now, message.enqueued_time)
            self.forget()
            assert self.one.apply(message, events) == self.other.apply(message, events)

    def tick(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.forget()
        found = self.one.evaluate(self.now)
        assert found == self.other.evaluate(self.now)
        self.unusual += found.unusual

    def close(self, partition: str) -> None:
        last = self.cursor[partition] - 1
        self.forget()
        assert self.one.idle(partition, last, self.now) == self.other.idle(partition, last, self.now)

    def forget(self) -> None:
        # Other suppressions are in force from now on, even if they are the same.
        self.other.suppress(self.other.suppressions)

    def live(self, script: Script) -> None:
        for step, choice in script:
            if step == "tick":
                self.tick(choice)
            elif step == "close":
                self.close(PARTITIONS[choice % len(PARTITIONS)])
            else:
                self.read(PARTITIONS[choice % len(PARTITIONS)])
        for partition in PARTITIONS:
            while self.cursor[partition] < len(self.hub.partitions[partition]):
                self.read(partition)
                self.tick(5)
        self.now = max(self.now, self.hub.end) + timedelta(hours=2)
        for partition in PARTITIONS:
            self.close(partition)
            self.tick(0)
        assert list(self.one.dump()) == list(self.other.dump())


steps = st.lists(
    st.tuples(st.sampled_from(["read", "read", "read", "tick", "tick", "close"]), st.integers(0, 20)), max_size=40
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(), steps)
def test_what_is_remembered_of_a_tick_is_what_would_be_found_again(hub: Hub, script: Script) -> None:
    Twins(hub, hub).live(script)


def test_the_property_notices_a_memory_that_does_not_ask_the_crowd_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Asked, "agrees", lambda asked, crowd: True)

    def both(ended: Outcome) -> Hub:
        return hub_of(
            [
                Record(ActivityEvent(time, actor, "a/write", "A/write", outcome, f"op{minute}"), PARTITIONS[0], time)
                for minute, actor in enumerate(ACTORS)
                for outcome in (Outcome.STARTED, ended)
                for time in [START + timedelta(minutes=minute)]
            ],
            per_message=2,
        )

    with pytest.raises(AssertionError):
        Twins(both(Outcome.DENIED), both(Outcome.SUCCESS)).live([("read", 0), ("tick", 5), ("read", 0), ("tick", 5)])
