"""What the commands in the pages are run on: a small tenant's log, and the state of a service that has read it."""

import asyncio
import json
import re

import pytest

from demo.tenant import Tenant, TenantPlan
from service.core.outbox import Outbox
from service.documents.places import from_lines
from service.replay.replay import Replay
from service.settings.root import Settings
from service.storage.snapshots import CURRENT, FileSnapshotStore
from service.storage.state import State
from service.wiring import build_engine
from tests.fakes.clock import FakeClock


@pytest.fixture(scope="session")
def log() -> bytes:
    """Two days of a small tenant, in which somebody is called as in the pages."""
    records = [arrival.record for arrival in Tenant(TenantPlan(seed=5, identities=20, days=2, campaigns=0)).records()]
    text = "".join(json.dumps(record) + "\n" for record in records)
    name = re.search(r"[a-z.]+@[a-z.]+", text)
    assert name
    return text.replace(name[0], "ann@contoso.com").encode()


@pytest.fixture(scope="session")
def state(log: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The snapshot of an engine that has read the log."""
    engine = build_engine(Settings())

    def ignore(*_: object) -> None:
        return None

    driver = Replay(
        engine,
        every=Settings().schedule.every,
        on_scored=ignore,
        on_alerts=ignore,
        on_reject=ignore,
        on_read=ignore,
    )
    driver.run(from_lines("log", log.splitlines()))
    folder = tmp_path_factory.mktemp("state")
    kept = State(engine, Outbox(), FileSnapshotStore(folder), FakeClock(), ignore)
    asyncio.run(kept.save())
    return (folder / CURRENT).read_bytes()
