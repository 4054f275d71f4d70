"""A history in which a process has died, and went on from an older snapshot, is the one in which none has."""

import json
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stream.events import ActivityEvent
from service.core.engine.engine import Engine
from service.core.messages import Message
from service.history.values import HistoryEntry, Restored
from tests.fakes.clock import MONDAY_MORNING
from tests.service.history.seen import ANN, BOB, contents, event, new_engine, save

pytestmark = pytest.mark.slow

Step = tuple[str, int]
"""A partition, and the place of a message in it."""

events = st.builds(
    event, st.integers(0, 40).map(lambda half: half / 2), st.sampled_from("xyz"), st.sampled_from([ANN, BOB])
)
partitions = st.fixed_dictionaries(
    {name: st.lists(st.lists(events, min_size=1, max_size=3), max_size=8) for name in "01"}
)


def order(told: dict[str, list[list[ActivityEvent]]], draw: Any, begun: dict[str, int]) -> list[Step]:
    """Draw an order in which the messages that are left may be read: each partition's in its own."""
    left = [name for name, messages in told.items() for _ in messages[begun[name] :]]
    numbers = dict(begun)
    steps = []
    for name in draw(st.permutations(left)):
        steps.append((name, numbers[name]))
        numbers[name] += 1
    return steps


def take(engine: Engine, told: dict[str, list[list[ActivityEvent]]], steps: Sequence[Step]) -> list[HistoryEntry]:
    found: list[HistoryEntry] = []
    for name, number in steps:
        message = Message(name, number, str(number), MONDAY_MORNING + timedelta(hours=number), b"")
        engine.apply(message._replace(enqueued_time=MONDAY_MORNING + timedelta(hours=24)), told[name][number])
        found += engine.take_closed()
    return found


def finish(engine: Engine, told: dict[str, list[list[ActivityEvent]]]) -> list[HistoryEntry]:
    for name, messages in told.items():
        engine.idle(name, len(messages) - 1, MONDAY_MORNING + timedelta(days=9))
    return [*engine.take_closed()]


def start() -> Engine:
    engine = new_engine()
    engine.expect("01")
    return engine


@given(told=partitions, data=st.data())
def test_a_crash_leaves_no_trace_in_the_history(told: dict[str, list[list[ActivityEvent]]], data: Any) -> None:
    first = order(told, data.draw, {"0": 0, "1": 0})
    saved = data.draw(st.integers(0, len(first)))
    died = data.draw(st.integers(saved, len(first)))
    begun = {name: sum(one == name for one, _ in first[:saved]) for name in "01"}
    again = order(told, data.draw, begun)
    with tempfile.TemporaryDirectory() as folder:
        died_once, never_died = Path(folder, "one.sqlite"), Path(folder, "other.sqlite")

        engine = start()
        save(died_once, take(engine, told, first[:saved]))
        rows = json.loads(json.dumps(list(engine.dump())))
        lost = take(engine, told, first[saved:died])
        if died == len(first) and data.draw(st.booleans()):
            lost += finish(engine, told)
        save(died_once, lost)
        restored = start()
        restored.load(rows)
        save(died_once, [Restored(restored.watermark.time, restored.records, restored.options.horizon)])
        save(died_once, take(restored, told, again))
        save(died_once, finish(restored, told))

        whole = start()
        save(never_died, take(whole, told, [*first[:saved], *again]))
        save(never_died, finish(whole, told))

        assert contents(died_once) == contents(never_died)
