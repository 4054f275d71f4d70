"""The journal is looked at: what is new is handed on, what is damaged is said once, and nothing is ever taken back."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from service.core.verdicts.collection import Verdicts
from service.core.verdicts.journal import Line, line_of
from service.core.verdicts.verdict import VerdictKind
from service.monitoring.http import Health
from service.monitoring.metrics.recorder import Metrics
from service.telemetry.telemetry import Telemetry
from service.verdicts.watch import VerdictWatch
from tests.fakes.clock import FakeClock, settle
from tests.fakes.verdicts import verdict

BENIGN, MALICIOUS = verdict(), verdict(VerdictKind.MALICIOUS, alert="a2")


class FakeVerdictStore:
    """A `service.core.ports.VerdictStore` in memory that fails as it is told."""

    def __init__(self, *lines: bytes) -> None:
        self.lines: Sequence[Line] = tuple((f"line {at}", line) for at, line in enumerate(lines, 1))
        self.failure: OSError | None = None

    async def read(self) -> Sequence[Line]:
        if self.failure is not None:
            raise self.failure
        return self.lines

    async def append(self, name: str, line: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        self.lines = (*self.lines, (f"line {len(self.lines) + 1}", line))


class Watched:
    """A journal, who watches it, and what is known of it outside."""

    def __init__(self, *lines: bytes) -> None:
        self.clock = FakeClock()
        self.store = FakeVerdictStore(*lines)
        self.registry = CollectorRegistry()
        self.telemetry = Telemetry(Metrics(self.registry), Health())
        self.watch = VerdictWatch(self.store, 15.0, self.clock, self.telemetry.emit)
        self.known: list[Verdicts] = []

    async def apply(self, verdicts: Verdicts) -> None:
        self.known.append(verdicts)

    async def look(self, times: int = 1) -> list[Any]:
        """Let it look so often; returns what was logged."""
        with capture_logs() as logs:
            running = asyncio.ensure_future(self.watch.run(self.apply))
            await settle()
            for _ in range(times):
                await self.clock.advance(15.0)
                await settle()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return logs

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"unwonted_{name}", labels)


async def test_what_is_there_at_the_beginning_is_known_before_anything_else() -> None:
    watched = Watched(line_of(BENIGN), line_of(MALICIOUS))
    with capture_logs() as logs:
        opened = await watched.watch.open()
    assert opened == Verdicts([BENIGN, MALICIOUS])
    assert [(one["event"], one["count"]) for one in logs] == [("verdicts_loaded", 2)]
    assert watched.metric("verdicts", result="malicious") == 1
    assert await watched.look() == []
    assert watched.known == []


async def test_what_is_added_is_handed_on_once_with_all_the_rest() -> None:
    watched = Watched(line_of(BENIGN))
    await watched.watch.open()
    await watched.store.append("", line_of(MALICIOUS))
    [line] = await watched.look(3)
    assert (line["event"], line["id"], line["kind"], line["alert"]) == (
        "verdict_given",
        MALICIOUS.id,
        "malicious",
        "a2",
    )
    assert not any("@" in str(value) for value in line.values())
    assert watched.known == [Verdicts([BENIGN, MALICIOUS])]
    assert watched.metric("verdicts", result="benign") == 1


async def test_what_is_given_here_is_kept_and_known_at_once() -> None:
    watched = Watched()
    await watched.watch.open()
    running = asyncio.ensure_future(watched.watch.run(watched.apply))
    await settle()
    await watched.watch.give(BENIGN)
    await watched.clock.advance(0.0)
    await settle()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert watched.known == [Verdicts([BENIGN])]
    assert watched.watch.verdicts == Verdicts([BENIGN])
    assert [line for _, line in watched.store.lines] == [line_of(BENIGN)]


async def test_what_cannot_be_kept_is_not_given() -> None:
    watched = Watched()
    watched.store.failure = OSError("the disk is full")
    with pytest.raises(OSError, match="the disk is full"):
        await watched.watch.give(BENIGN)
    assert watched.watch.verdicts == Verdicts()


async def test_a_damaged_line_is_named_once_counted_and_passed_over() -> None:
    watched = Watched(line_of(BENIGN)[:-9], line_of(MALICIOUS))
    with capture_logs() as logs:
        assert await watched.watch.open() == Verdicts([MALICIOUS])
    said = [one for one in logs if one["event"] == "verdicts_damaged"]
    assert [one["problems"] for one in said] == [["line 1: is no JSON: damaged, or not written to its end"]]
    await watched.store.append("", line_of(BENIGN))
    assert [one["event"] for one in await watched.look(2)] == ["verdict_given"]
    assert watched.metric("verdict_lines_damaged") == 1


async def test_what_was_a_verdict_stays_one_when_its_line_is_lost() -> None:
    watched = Watched(line_of(BENIGN))
    await watched.watch.open()
    watched.store.lines = (("line 1", line_of(MALICIOUS)),)
    await watched.look()
    assert watched.known == [Verdicts([BENIGN, MALICIOUS])]


async def test_a_journal_that_is_away_is_told_once_and_changes_nothing() -> None:
    watched = Watched(line_of(BENIGN))
    await watched.watch.open()
    watched.store.failure = OSError("the storage account is away")
    logs = await watched.look(3)
    assert [(one["event"], one["problem"]) for one in logs] == [("verdicts_unreadable", "the storage account is away")]
    watched.store.failure = None
    await watched.store.append("", line_of(MALICIOUS))
    assert [one["event"] for one in await watched.look()] == ["verdict_given"]
    assert watched.known == [Verdicts([BENIGN, MALICIOUS])]


async def test_without_its_journal_nothing_begins() -> None:
    watched = Watched()
    watched.store.failure = OSError("the storage account is away")
    with pytest.raises(OSError, match="is away"):
        await watched.watch.open()
