"""Whatever a snapshot holds behind a checksum that fits: an older one is tried, and nothing of it is repeated."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.detectors.registry import DETECTORS, build
from service.core.coverage.monitor import CoverageMonitor
from service.core.engine.engine import Engine
from service.core.engine.state_rows import OtherBuckets
from service.core.engine.values import Options
from service.core.outbox import Outbox
from service.core.snapshot.codec import UnreadableSnapshot, decode, encode
from service.storage.state import Saved, State
from tests.fakes.clock import MONDAY_MORNING, FakeClock
from tests.fakes.store import FakeStore

Rows = list[tuple[str, Any]]
SECRET = "ann@contoso.com"
GOOD = decode((Path(__file__).parents[2] / "golden" / "format-2.ndjson.gz").read_bytes())
SECTIONS = sorted({section for section, _ in GOOD})


async def go_on() -> None:
    """Nothing else waits."""


def packed(rows: Rows) -> bytes:
    return asyncio.run(encode(rows, created_at=MONDAY_MORNING, yield_to_loop=go_on))


def with_each_last_row(section: str, spoil: Callable[[Any], Any]) -> Rows:
    """Spoil the last row of a section, so that what comes before it has been loaded by then."""
    last = max(number for number, (name, _) in enumerate(GOOD) if name == section)
    return [(name, spoil(row) if number == last else row) for number, (name, row) in enumerate(GOOD)]


def restored(*generations: bytes, bucket: timedelta = timedelta(hours=1)) -> tuple[bool, State, list[Saved]]:
    notes: list[Saved] = []
    engine = Engine(Options(bucket=bucket), [build(name) for name in sorted(DETECTORS)])
    store = FakeStore(FakeClock(), kept=dict(zip(("current", "previous", "restored"), generations, strict=False)))
    state = State(engine, Outbox(), store, FakeClock(), notes.append, CoverageMonitor())
    return asyncio.run(state.restore()), state, notes


def dumped(state: State) -> str:
    return json.dumps([list(state.engine.dump()), state.outbox.dump(), state.coverage.dump()])


SPOILERS: dict[str, Callable[[Any], Any]] = {
    "a text": lambda row: SECRET,
    "a number": lambda row: 10**400,
    "nothing": lambda row: None,
    "a list of texts": lambda row: [SECRET],
    "another field": lambda row: {**row, SECRET: 1} if isinstance(row, dict) else [row, SECRET],
    "texts for values": lambda row: dict.fromkeys(row, SECRET) if isinstance(row, dict) else SECRET,
    "huge values": lambda row: dict.fromkeys(row, 1e300) if isinstance(row, dict) else 1e300,
}


@pytest.mark.integration
@pytest.mark.parametrize("spoiler", SPOILERS)
def test_what_does_not_load_gives_way_to_the_one_before_as_if_it_had_never_been_there(spoiler: str) -> None:
    good = packed(GOOD)
    _, alone, _ = restored(good)
    for section in SECTIONS:
        bad = packed(with_each_last_row(section, SPOILERS[spoiler]))
        found, state, notes = restored(bad, good)
        assert found
        if len(notes) == 1:
            continue  # a value that may be there for all that its owner knows
        assert [note.outcome for note in notes] == ["unreadable", "restored"], section
        assert notes[0].reason.startswith("current: its rows cannot be loaded ("), section
        assert SECRET not in str(notes), section
        assert dumped(state) == dumped(alone), section


def test_a_section_that_is_missing_gives_way_as_well() -> None:
    good = packed(GOOD)
    found, state, notes = restored(packed([row for row in GOOD if row[0] != "engine"]), good)
    assert (found, len(notes)) == (True, 2)
    assert dumped(state) == dumped(restored(good)[1])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_when_none_loads_nothing_is_begun_and_nothing_repeated(number: int) -> None:
    bad = packed(with_each_last_row("engine", SPOILERS["texts for values"]))
    with pytest.raises(UnreadableSnapshot, match=f"none of the {number} snapshots can be read") as caught:
        restored(*[bad] * number)
    assert SECRET not in str(caught.value)


def test_another_bucket_length_is_a_matter_of_configuration_and_says_so() -> None:
    with pytest.raises(OtherBuckets, match="the configuration says 2:00:00"):
        restored(packed(GOOD), packed(GOOD), bucket=timedelta(hours=2))


def test_the_next_save_keeps_what_was_loaded_and_sets_aside_what_was_not() -> None:
    good, bad = packed(GOOD), packed(with_each_last_row("position", SPOILERS["a text"]))
    _, state, _ = restored(bad, good)
    assert asyncio.run(state.save()) is not None
    store = state._store
    assert isinstance(store, FakeStore)
    assert (store.kept["restored"], store.set_aside) == (good, [bad])
