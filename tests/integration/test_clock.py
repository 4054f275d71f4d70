"""The real service on a machine whose clock somebody sets, back and forward: its pace is that of time itself."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from demo.hub import EmbeddedHub
from tests.integration.service_process import ServiceProcess, clock, configuration

pytestmark = pytest.mark.integration


def faketime() -> Path:
    """Return the library that shows a process another time than the machine's."""
    if shutil.which("faketime") is None:
        pytest.skip("faketime (Debian: faketime) is absent: the service is not run with a clock that is set")
    found = subprocess.run(
        ["faketime", "now", "sh", "-c", "echo $LD_PRELOAD"], capture_output=True, text=True, check=True, timeout=120
    )
    return Path(found.stdout.split(":")[-1].strip())


def turn(setting: Path, offset: str) -> None:
    """Set the clock; half of a file would be read as nonsense."""
    aside = setting.with_suffix(".new")
    aside.write_text(offset)
    aside.replace(setting)


async def until_said(service: ServiceProcess, event: str, times: int) -> dict[str, Any]:
    while len(said := service.said(event)) < times:
        await clock.sleep(0.1)
    return said[-1]


async def test_a_clock_that_is_set_back_and_forward_stops_no_evaluation(tmp_path: Path) -> None:
    setting = tmp_path / "time"
    turn(setting, "+0")
    environment = {
        "LD_PRELOAD": str(faketime()),
        "FAKETIME_TIMESTAMP_FILE": str(setting),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    async with EmbeddedHub(partitions=1) as hub:
        config = configuration(hub, snapshots={"path": str(tmp_path / "state")})
        async with ServiceProcess(tmp_path, config, environment) as service:
            await service.until_said("started")
            await until_said(service, "evaluated", 1)
            for times, offset, seconds in ((1, "-6h", -21_600), (2, "+25h", 111_600)):
                turn(setting, offset)
                jumped = await until_said(service, "clock_jumped", times)
                assert jumped["seconds"] == pytest.approx(seconds, abs=2)
                await until_said(service, "evaluated", len(service.said("evaluated")) + 4)
            assert not service.said("coverage_gap_opened")
            assert await service.terminate() == 0
