"""The service's process, seen from outside: its metrics, its end, its last words."""

import asyncio
import socket
import stat
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from demo.launch import (
    Ports,
    Scrape,
    ServiceEnded,
    ServiceProcess,
    configuration,
    emptied,
    free_port,
    thresholds,
    without_places,
)
from demo.receiver import Receiver
from service.clock import SystemClock
from service.monitoring.metrics.recorder import Metrics
from service.settings import Settings
from service.wiring import build_engine
from tests.fakes.clock import MONDAY_MORNING


def exposed(*sinks: str) -> str:
    registry = CollectorRegistry()
    metrics = Metrics(registry, detectors=("rare_action", "rare_failure"), sinks=sinks)
    metrics.describe(version="1", python="1", river="1", config_hash="1")
    metrics.record_batch("0", 3, 0.1)
    metrics.record_batch("1", 4, 0.1)
    return generate_latest(registry).decode()


async def scrape_for_ever(service: ServiceProcess) -> None:
    async with asyncio.timeout(90):
        while await service.scrape() is None:
            await SystemClock().sleep(0.1)


def test_a_total_is_taken_over_all_series_of_a_name() -> None:
    assert Scrape(exposed()).total("unwonted_messages_total") == 7.0
    assert Scrape(exposed()).total("unwonted_no_such_thing") == 0.0


def test_what_has_no_series_is_missing() -> None:
    everything = exposed("slack", "teams", "webhook")
    partitions = {
        "unwonted_consumer_lag_messages",
        "unwonted_partition_last_applied_timestamp_seconds",
        "unwonted_partition_last_enqueued_timestamp_seconds",
    }
    assert Scrape(everything).missing() == partitions
    without = "\n".join(line for line in everything.splitlines() if not line.startswith("unwonted_alerts_total"))
    assert Scrape(without + "\n").missing() == {*partitions, "unwonted_alerts"}


def test_what_is_said_of_thresholds_is_what_the_service_is_configured_to(tmp_path: Path) -> None:
    receiver = Receiver(free_port(0), secret="whsec_" + "A" * 32)
    for chosen in (None, 41.5):
        config = configuration(tmp_path, "hub", receiver, "whsec_" + "A" * 32, Ports(1, 2), chosen)
        engine = build_engine(Settings.model_validate({"detectors": config["detectors"]}))
        assert engine.budget.thresholds() == thresholds(chosen)
        assert not engine.detectors.keys() & set(without_places())


def test_a_port_that_is_taken_is_not_given_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


@pytest.mark.integration
async def test_a_service_that_ends_by_itself_is_quoted(tmp_path: Path) -> None:
    console = {"port": free_port(0), "token_file": str(tmp_path / "token")}
    config = {"http": {"port": free_port(0)}, "console": console, "event_hubs": {}}
    async with ServiceProcess(tmp_path, config, MONDAY_MORNING) as service:
        with pytest.raises(ServiceEnded, match="event_hub"):
            await scrape_for_ever(service)
    assert await service.stop() != 0


def test_a_folder_of_an_earlier_performance_is_emptied_and_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "demo"
    assert emptied(folder) == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "unwonted.yaml").touch()
    (folder / "state").mkdir()
    assert list(emptied(folder).iterdir()) == []
    (folder / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="is no folder of the demo"):
        emptied(folder)
    assert (folder / "thesis.txt").exists()
