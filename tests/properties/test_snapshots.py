"""Saving, by parts of which some are kept from before, and restoring change nothing: neither state nor bytes."""

import asyncio
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from models.detectors.options import takes
from models.detectors.registry import DETECTORS, build
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.unread import RowsLater
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.messages import Message
from service.core.snapshot.codec import Encoder, SnapshotPart, SnapshotRows
from tests.fakes.detector import FirstTime
from tests.golden.continuing import ANNOUNCED, Continued, locate
from tests.golden.make import CREATED, steps

RESTORED_EVERY = 7
MANY = 400
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
TIMES = 40  # so that there are several blocks of identities


def new_life() -> Continued:
    """Return an empty state of a service with every detector that there is."""
    one = Continued()
    given = {"locate": locate, "looks": float(len(DETECTORS))}
    detectors = [
        build(name, **{key: value for key, value in given.items() if takes(kind, key)})
        for name, kind in DETECTORS.items()
    ]
    options = Options(thresholds=dict.fromkeys(DETECTORS, 25.0), alerts_per_day=8.0, group_failures_from=2)
    one.engine = Engine(options, detectors)
    one.engine.expect(["0", "1"])
    one.engine.suppress(ANNOUNCED)
    return one


async def go_on() -> None:
    """Nothing else waits."""


def saved(one: Continued, encoder: Encoder) -> bytes:
    rest = [("outbox", one.outbox.dump()), ("coverage", one.coverage.dump())]
    parts = [
        SnapshotPart(one.engine.dump_open()),
        SnapshotPart(one.engine.dump_learnt(), version=one.engine.closings),
        SnapshotPart(chain(one.engine.dump_told(), rest)),
    ]
    return asyncio.run(encoder.encode(parts, created_at=CREATED))


@pytest.mark.integration
def test_a_service_that_saves_after_each_step_and_restarts_now_and_then_has_the_same_state_and_bytes_as_another() -> (
    None
):
    one, other, encoder = new_life(), new_life(), Encoder(go_on)
    kept = 0
    for number, step in enumerate(steps()):
        closings = one.engine.closings
        assert one.take(step) == other.take(step)
        data = saved(one, encoder)
        kept += one.engine.closings == closings
        assert data == saved(other, Encoder(go_on))
        if number % RESTORED_EVERY == 0:
            one, encoder = new_life(), Encoder(go_on)
            one.load(SnapshotRows(data))
            assert list(one.engine.dump()) == list(other.engine.dump())
            assert saved(one, encoder) == data
    assert kept > RESTORED_EVERY
    written = {section.partition(" ")[2] for section, _ in one.engine.dump() if section.startswith("identities ")}
    assert written == DETECTORS.keys() - {"watch_list"}


def multiplied(rows: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield rows with very many more identities, each of whom knows what one knows."""
    for section, row in rows:
        inner = row.get("row", row)
        if not section.startswith("identities ") or "id" not in inner:
            yield section, row
            continue
        for number in range(TIMES):
            one = {**deepcopy(inner), "id": f"{inner['id']}{number or ''}"}
            yield section, {**row, "row": one} if inner is not row else one


def crowded(number: int, begin: datetime) -> Iterator[tuple[Message, list[ActivityEvent]]]:
    """Yield messages of an hour in which very many are active; some operations end in the next."""
    for who in range(MANY):
        actor = Actor(f"t/{who * 7 % MANY:03}", f"person{who}@example.com", ActorKind.HUMAN)
        time = begin + timedelta(seconds=who * 11)
        first = ActivityEvent(time, actor, "web/write", "web/write", Outcome.STARTED, f"op{number}")
        end = first._replace(time=time + timedelta(minutes=20), outcome=Outcome.FAILURE if who % 9 else Outcome.SUCCESS)
        place = number * MANY + who
        yield Message("0", place, str(place), begin + timedelta(hours=1, minutes=20), b""), [first, end]


@pytest.mark.integration
def test_open_hours_that_are_read_when_they_are_touched_are_judged_as_if_they_always_had_been() -> None:
    before = Engine(Options(), [FirstTime()])
    before.expect(["0"])
    for number in range(2):
        for message, events in crowded(number, BEGIN + number * timedelta(hours=1)):
            before.apply(message, events)
    before.evaluate(BEGIN + timedelta(hours=2))
    data = asyncio.run(Encoder(go_on).encode([SnapshotPart(before.dump())], created_at=CREATED))
    at_once, later = Engine(Options(), [FirstTime()]), Engine(Options(), [FirstTime()])
    at_once.load(SnapshotRows(data))
    rows = list(SnapshotRows(data).to_restore())
    assert sum(isinstance(row, RowsLater) for _, row in rows) > 10
    later.load(rows)
    assert later.buckets.held() == at_once.buckets.held()
    for place, (message, events) in enumerate(crowded(2, BEGIN + timedelta(hours=2))):
        assert later.apply(message, events) == at_once.apply(message, events)
        if place == MANY // 3:
            assert later.evaluate(message.enqueued_time) == at_once.evaluate(message.enqueued_time)
    end = BEGIN + timedelta(hours=5)
    assert later.idle("0", 3 * MANY - 1, end) == at_once.idle("0", 3 * MANY - 1, end)
    assert later.evaluate(end) == at_once.evaluate(end)
    assert list(later.dump()) == list(at_once.dump())


@pytest.mark.integration
def test_identities_that_are_restored_when_they_are_asked_for_are_judged_as_if_they_always_had_been() -> None:
    before = new_life()
    for step in steps()[:40]:
        before.take(step)
    rows = list(multiplied(list(before.engine.dump())))
    data = asyncio.run(Encoder(go_on).encode([SnapshotPart(rows)], created_at=CREATED))
    at_once, later = new_life(), new_life()
    at_once.engine.load(SnapshotRows(data))
    later.engine.load(SnapshotRows(data).to_restore())
    for step in steps()[40:]:
        assert later.take(step) == at_once.take(step)
    assert list(later.engine.dump()) == list(at_once.engine.dump())
