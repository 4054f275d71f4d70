"""A service that starts without a state learns history first, answers its probes meanwhile, and starts in any case."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.activity_log_api.asking import ApiRefused
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.outbox import Outbox
from service.documents.sources import FileSource
from service.learning.first_start import FirstStart
from service.learning.history import Fetched, TenantHistory
from service.learning.spool import Spool
from service.settings.root import Settings
from service.storage.state import State
from service.telemetry.events import (
    HistoryFetching,
    HistoryLearning,
    HistoryLearnt,
    HistoryMissed,
    TelemetryEvent,
)
from service.telemetry.telemetry import Telemetry
from service.wiring import build_components
from tests.fakes.clock import MONDAY_MORNING, FakeClock, settle
from tests.fakes.detector import FirstTime
from tests.fakes.store import FakeStore
from tests.service.core.parsing.samples import record
from tests.service.lives import QUARTER, Life, World, living

RECORDS = [
    record(time=(MONDAY_MORNING - timedelta(hours=hours)).isoformat(), correlationId=f"c{hours}")
    for hours in range(1, 40)
]


class Shelf(TenantHistory):
    """History that is there already, or a reason why it is not."""

    def __init__(self, records: list[Any], problem: Exception | None = None, refused: dict[str, str] | None = None):
        self._records, self._problem, self._refused = records, problem, refused or {}

    async def fetch(self, spool: Spool, on_plan: Any = None, on_piece: Any = None) -> Fetched:
        if self._problem is not None:
            raise self._problem
        on_plan(20)
        for _ in range(20):
            on_piece(None, 1)
        path = spool.path("all")
        path.write_bytes(gzip.compress("".join(json.dumps(one) + "\n" for one in self._records).encode()))
        return Fetched([FileSource("all", path, 1)], 2, 1, 0, len(self._records), self._refused)


def first_start(
    shelf: Shelf, folder: Path, store: FakeStore, clock: FakeClock, said: list[TelemetryEvent]
) -> FirstStart:
    @asynccontextmanager
    async def opened() -> AsyncIterator[TenantHistory]:
        yield shelf

    return FirstStart(
        opened,
        lambda: State(Engine(Options(), [FirstTime()]), Outbox(), store, clock, lambda saved: None),
        spool=folder / "spool",
        at_most=timedelta(seconds=20),
        now=clock.now,
        observer=said.append,
    )


async def test_what_is_learnt_is_saved_and_the_spool_is_cleared(tmp_path: Path) -> None:
    clock, said = FakeClock(), list[TelemetryEvent]()
    store = FakeStore(clock)
    assert await first_start(Shelf(RECORDS, refused={"s": "403 no"}), tmp_path, store, clock, said).learn()
    restored = State(Engine(Options(), [FirstTime()]), Outbox(), store, clock, lambda saved: None)
    assert await restored.restore()
    assert restored.engine.records == len(RECORDS)
    assert isinstance(said[0], HistoryLearning)
    assert sum(isinstance(one, HistoryFetching) for one in said) == 10
    assert isinstance(said[-1], HistoryLearnt)
    assert said[-1].refused == {"s": "403 no"}
    with Spool(tmp_path / "spool") as spool:
        assert spool.files() == []


@pytest.mark.parametrize(
    ("shelf", "reason"),
    [
        (Shelf(RECORDS, OSError("no answer within 120 min: 429")), "no answer within 120 min: 429"),
        (Shelf(RECORDS, ApiRefused(403, "AuthorizationFailed")), "403 AuthorizationFailed"),
        (Shelf(RECORDS, TimeoutError()), "not within 20s"),
        (Shelf([], refused={"s": "403"}), "nothing was found; 1 of 2 may not be read"),
    ],
)
async def test_a_history_that_cannot_be_had_is_said_and_nothing_is_saved(
    tmp_path: Path, shelf: Shelf, reason: str
) -> None:
    clock, said = FakeClock(), list[TelemetryEvent]()
    store = FakeStore(clock)
    assert not await first_start(shelf, tmp_path, store, clock, said).learn()
    assert said[-1] == HistoryMissed(reason)
    assert store.saves == 0


async def test_probes_are_answered_while_history_is_learnt_and_then_it_is_what_the_service_knows() -> None:
    world, finish = World(), asyncio.Event()

    async def learn(telemetry: Telemetry) -> bool:
        telemetry.emit(HistoryLearning())
        await finish.wait()
        engine = Engine(Options(), [FirstTime()])
        engine.begin(world.clock.now())
        engine.records = 12_345
        await State(engine, Outbox(), world.store, world.clock, telemetry.emit).save()
        return True

    life = Life(world, learn_history=learn)
    async with living(life):
        assert life.health.result("live").ok
        assert life.health.result("startup").ok
        assert life.health.result("ready").reasons["state"] == "learning history"
        finish.set()
        await settle()
        assert "state" not in life.health.result("ready").reasons
        assert life.engine.records == 12_345
    again = Life(world, learn_history=learn)
    finish.clear()
    async with living(again):
        assert again.engine.records == 12_345, "a state that there is is not learnt again"


@pytest.mark.parametrize("start", ["earliest", "latest"])
async def test_where_reading_begins_is_the_same_with_history_as_without(start: str) -> None:
    world = World()

    async def learn(telemetry: Telemetry) -> bool:
        engine = Engine(Options(), [FirstTime()])
        engine.begin(world.clock.now() - timedelta(hours=2))
        engine.records = 12_345
        return await State(engine, Outbox(), world.store, world.clock, telemetry.emit).save() is not None

    life = Life(world, start=start, learn_history=learn)
    life.feed("Microsoft.Web/sites/before")
    async with living(life):
        life.feed("Microsoft.Web/sites/after")
        await life.pass_time(QUARTER)
    before = ["microsoft.web/sites/before"] if start == "earliest" else []
    assert world.actions() == ["microsoft.web/sites/after", *before]


async def test_without_history_it_starts_all_the_same() -> None:
    world = World()

    async def learn(telemetry: Telemetry) -> bool:
        telemetry.emit(HistoryMissed("away"))
        return False

    life = Life(world, learn_history=learn)
    async with living(life):
        life.feed("Microsoft.Web/sites/write")
        await life.pass_time(QUARTER)
    assert world.actions() == ["microsoft.web/sites/write"]


async def test_sigterm_while_history_is_learnt_ends_it_and_leaves_the_state_empty() -> None:
    world = World()
    ended = []

    async def learn(telemetry: Telemetry) -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        return True

    async with living(Life(world, learn_history=learn)):
        pass
    assert ended
    assert world.store.saves == 0
    assert world.trail[-1] == "sink closed"


async def test_the_configuration_says_whether_it_is_wanted(tmp_path: Path) -> None:
    hub = {"connection_string": "Endpoint=sb://localhost;SharedAccessKeyName=a;SharedAccessKey=b;EntityPath=c"}
    for wanted in (True, False):
        learn = {"on_empty_state": wanted, "endpoint": "http://127.0.0.1:9", "give_up_after": "1ms"}
        places = {"snapshots": {"path": tmp_path / "state"}, "dead_letter": {"kind": "none"}}
        settings = Settings.model_validate(
            {"event_hub": hub, "learn": {**learn, "spool": tmp_path / "spool"}, **places}
        )
        components = build_components(settings)
        assert (components.learn_history is not None) is wanted
        if components.learn_history is not None:
            assert not await components.learn_history()
        await components.resources.aclose()
