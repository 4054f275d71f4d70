"""Health and metrics over real HTTP, and the rules by which health is judged."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from service.monitoring.http import Health, HttpServer, Probe, sample_loop_lag


class LateClock:
    """Oversleeps by what it is told, then ends the test's patience."""

    def __init__(self, late: list[float]) -> None:
        self.late = list(late)
        self.time = 100.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def elapsed(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        if not self.late:
            raise asyncio.CancelledError
        self.time += seconds + self.late.pop(0)

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError(f"nobody asked to sleep until {moment}")

    def jumped(self) -> timedelta:
        return timedelta(0)


def states(health: Health) -> dict[Probe, bool]:
    probes: tuple[Probe, ...] = ("startup", "ready", "live")
    return {probe: health.result(probe).ok for probe in probes}


def test_a_new_process_lives_and_has_not_started() -> None:
    assert states(Health()) == {"startup": False, "ready": False, "live": True}


def test_restoring_starts_it_and_claiming_all_partitions_makes_it_ready() -> None:
    health = Health()
    health.note_restored()
    assert states(health) == {"startup": True, "ready": False, "live": True}
    health.note_partitions(owned=4, known=4)
    assert states(health) == {"startup": True, "ready": True, "live": True}


@pytest.mark.parametrize(("owned", "known"), [(0, 0), (0, 4), (3, 4)])
def test_it_is_not_ready_while_partitions_are_missing(owned: int, known: int) -> None:
    health = Health()
    health.note_restored()
    health.note_partitions(owned=owned, known=known)
    assert health.result("ready").reasons == {"partitions": f"{owned} of {known} partitions claimed"}


def test_trouble_with_the_hub_takes_readiness_and_never_life() -> None:
    health = Health()
    health.note_restored()
    health.note_partitions(owned=1, known=1)
    health.note_source("no sign of life from partition 0 for 63 s")
    assert states(health) == {"startup": True, "ready": False, "live": True}
    health.note_source(None)
    assert states(health)["ready"]


def test_shutting_down_takes_readiness_only() -> None:
    health = Health()
    health.note_restored()
    health.note_partitions(owned=1, known=1)
    health.note_stopping()
    assert states(health) == {"startup": True, "ready": False, "live": True}


async def test_lag_is_how_much_longer_than_asked_a_sleep_took() -> None:
    lags: list[float] = []
    with pytest.raises(asyncio.CancelledError):
        await sample_loop_lag(LateClock([0.0, 0.25, -0.5]), lags.append, every=1.0)
    assert lags == [0.0, 0.25, 0.0]


@pytest.fixture
async def served() -> AsyncIterator[tuple[str, Health]]:
    registry, health = CollectorRegistry(), Health()
    Counter("unwonted_things_total", "Things.", registry=registry).inc(3)
    server = HttpServer(health, registry, host="127.0.0.1", port=0)
    port = await server.start()
    yield f"http://127.0.0.1:{port}", health
    await server.stop()


@pytest.mark.integration
async def test_each_probe_answers_with_a_status_and_its_reasons(served: tuple[str, Health]) -> None:
    address, health = served
    async with aiohttp.ClientSession(address) as session:
        async with session.get("/healthz/startup") as answer:
            assert answer.status == 503
            assert await answer.json() == {"status": "failing", "reasons": {"state": "not restored yet"}}
        health.note_restored()
        async with session.get("/healthz/startup") as answer:
            assert answer.status == 200
            assert await answer.json() == {"status": "ok", "reasons": {}}
        async with session.get("/healthz/ready") as answer:
            assert answer.status == 503
        async with session.head("/healthz/live") as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "no-store"
        async with session.get("/healthz") as answer:
            assert answer.status == 404


@pytest.mark.integration
@pytest.mark.parametrize("accept", ["*/*", "application/openmetrics-text; version=1.0.0"])
async def test_metrics_are_those_of_the_registry_in_the_form_asked_for(served: tuple[str, Health], accept: str) -> None:
    address, _ = served
    async with aiohttp.ClientSession(address) as session, session.get("/metrics", headers={"Accept": accept}) as answer:
        text = await answer.text()
        assert answer.status == 200
        assert answer.content_type == ("text/plain" if accept == "*/*" else "application/openmetrics-text")
        assert "unwonted_things_total 3.0" in text
        assert text.endswith("# EOF\n") is (accept != "*/*")


@pytest.mark.integration
async def test_a_taken_port_is_an_error_and_stopping_frees_it() -> None:
    first = HttpServer(Health(), CollectorRegistry(), host="127.0.0.1", port=0)
    port = await first.start()
    second = HttpServer(Health(), CollectorRegistry(), host="127.0.0.1", port=port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()
    await first.stop()
    assert await second.start() == port
    await second.stop()
