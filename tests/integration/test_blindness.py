"""The real service in front of a hub that withholds, loses and delays; what a real webhook receiver is told of it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.hub import EmbeddedHub
from demo.receiver import Receiver
from tests.integration.service_process import ServiceProcess, clock, configuration
from tests.service.core.parsing.samples import message, record

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

AFTER = timedelta(seconds=5)
SLACK = timedelta(seconds=5)  # what a probe, a snapshot or a start may take on a slow machine


class Scene:
    """Hub, receiver and service; `events` is how old what happens is when the hub takes it."""

    def __init__(self, folder: Path, hub: EmbeddedHub, receiver: Receiver) -> None:
        self.hub = hub
        self.receiver = receiver
        hook = {"kind": "webhook", "url": receiver.webhook_url, "allow_private": True, "min_severity": "critical"}
        muted = {**hook, "notices": False}
        self.service = ServiceProcess(
            folder,
            configuration(
                hub,
                snapshots={"path": str(folder / "state"), "every": "1s"},
                detectors={"rare_action": {"threshold": 100}, "rare_failure": {"threshold": 100}},
                notices={"after": f"{AFTER.seconds}s"},
                sinks={"hook": hook, "muted": muted},
            ),
        )
        self.old = timedelta(0)
        self._number = 0

    def put(self, *partitions: str) -> None:
        for partition in partitions:
            self._number += 1
            time = (clock.now() - self.old).isoformat()
            self.hub.append(partition, message(record(time=time, correlationId=f"c-{self._number}")))

    def told(self) -> list[dict[str, Any]]:
        payloads = [entry.payload for entry in self.receiver.received]
        return [one for one in payloads if isinstance(one, dict) and one["type"].startswith("unwonted.blindness.")]

    async def until(self, holds: Callable[[list[dict[str, Any]]], bool], *partitions: str) -> None:
        """Keep these partitions busy until what has been told is as it should be."""
        async with asyncio.timeout(150):
            while not holds(self.told()):
                self.put(*partitions)
                await clock.sleep(0.25)

    async def until_told(self, number: int, *partitions: str) -> dict[str, Any]:
        await self.until(lambda told: len(told) >= number, *partitions)
        assert len(self.told()) == number
        return self.told()[-1]

    async def calm(self, seconds: float) -> None:
        """Go on for a while in peace."""
        end = clock.elapsed() + seconds
        while clock.elapsed() < end:
            self.put("0", "1")
            await clock.sleep(0.25)


def kinds(told: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["data"]["kind"], one["type"].rpartition(".")[2]) for one in told]


def instant(notice: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(notice["data"][name])


async def test_a_hub_that_withholds_loses_and_delays_makes_two_notices_of_each(tmp_path: Path) -> None:
    async with EmbeddedHub(partitions=2) as hub, Receiver() as receiver:
        scene = Scene(tmp_path, hub, receiver)
        async with scene.service:
            await scene.service.until_said("started")
            await scene.calm(2.0)

            hub.withhold("1")
            began = clock.now()
            opened = await scene.until_told(1, "0", "1")
            hub.release()
            ended = clock.now()
            closed = await scene.until_told(2, "0", "1")
            assert kinds(scene.told()) == [("silent", "opened"), ("silent", "closed")]
            assert opened["subject"] == closed["subject"]
            assert opened["data"]["partitions"] == closed["data"]["partitions"] == ["1"]
            assert abs(instant(opened, "since") - began) < SLACK
            assert abs(instant(closed, "until") - ended) < SLACK
            assert closed["data"]["late_records"] >= 1
            assert (opened["data"]["may_alerts_still_come"], closed["data"]["may_alerts_still_come"]) == (True, False)

            hub.withhold("1")
            await clock.sleep(0.5)
            scene.put("1", "1", "1")
            gone = hub.expire("1")
            kept = hub.messages("0")
            scene.put("1")
            hub.release()
            opened = await scene.until_told(3, "0", "1")
            closed = await scene.until_told(4, "0", "1")
            assert kinds(scene.told()[2:]) == [("lost", "opened"), ("lost", "closed")]
            assert 3 <= opened["data"]["lost_messages"] <= gone
            assert closed["data"]["lost_messages"] == opened["data"]["lost_messages"]
            assert not opened["data"]["may_alerts_still_come"]
            assert hub.messages("0")[: len(kept)] == kept

            scene.old = timedelta(hours=2)
            opened = await scene.until_told(5, "0", "1")
            scene.old = timedelta(0)
            closed = await scene.until_told(6, "0", "1")
            assert kinds(scene.told()[4:]) == [("late", "opened"), ("late", "closed")]
            assert instant(opened, "since") < clock.now() - timedelta(hours=2)
            assert instant(closed, "until") < clock.now() - timedelta(hours=2)
            assert opened["data"]["partitions"] == ["0", "1"]

            await scene.calm(3.0)
            assert len(scene.told()) == 6
            assert await scene.service.terminate() == 0
        assert all(entry.shown for entry in receiver.received)
        assert len({one["id"] for one in scene.told()}) == 6


async def test_a_service_that_was_killed_says_what_it_is_catching_up_on_and_when_it_has(tmp_path: Path) -> None:
    async with EmbeddedHub(partitions=2) as hub, Receiver() as receiver:
        scene = Scene(tmp_path, hub, receiver)
        async with scene.service:
            await scene.service.until_said("started")
            await scene.calm(3.0)
            await scene.service.kill()
            killed = clock.now()
            await scene.calm(AFTER.seconds + 2.0)
            await scene.service.start()
            await scene.service.until_said("started")
            began = clock.now()
            await scene.until_told(1, "0", "1")
            await scene.service.kill()
            await scene.service.start()
            await scene.until(lambda told: ("behind", "closed") in kinds(told), "0", "1")
        told = scene.told()
        # Each partition joins when it is found; what changes while a gap is open is told as an update.
        assert [stage for stage in kinds(told) if stage != ("behind", "updated")] == [
            ("behind", "opened"),
            ("behind", "closed"),
        ]
        opened, closed = told[0], told[-1]
        assert opened["subject"] == closed["subject"]
        assert closed["data"]["partitions"] == ["0", "1"]
        assert abs(instant(opened, "since") - killed) < SLACK
        assert began - SLACK <= instant(closed, "until")
        assert closed["data"]["late_records"] >= 1
