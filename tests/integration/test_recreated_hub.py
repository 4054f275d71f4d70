"""The real service in front of a hub that is deleted and created again, while it reads and while it is away."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.hub import EmbeddedHub
from demo.receiver import Receiver
from service.core.snapshot.codec import decode
from tests.integration.service_process import ServiceProcess, clock, configuration
from tests.service.core.parsing.samples import message, record

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


class Scene:
    """Hub, receiver and service."""

    def __init__(self, folder: Path, hub: EmbeddedHub, receiver: Receiver) -> None:
        self.folder = folder
        self.hub = hub
        self.receiver = receiver
        self.actions: list[str] = []
        hook = {"kind": "webhook", "url": receiver.webhook_url, "allow_private": True}
        self.service = ServiceProcess(
            folder,
            configuration(
                hub,
                snapshots={"path": str(folder / "state"), "every": "1s"},
                detectors={"rare_action": {"threshold": 1}},
                notices={"after": "5s"},
                sinks={"hook": hook},
            ),
        )

    def put(self, *partitions: str, age: float = 0.0) -> None:
        for partition in partitions:
            action = f"microsoft.novelty/thing{len(self.actions)}/action"
            self.actions.append(action)
            then = clock.now() - timedelta(seconds=age)
            body = message(record(time=then.isoformat(), operationName=action, correlationId=f"c-{len(self.actions)}"))
            self.hub.append(partition, body, enqueued_time=then)

    def payloads(self, kind: str) -> list[dict[str, Any]]:
        payloads = [entry.payload for entry in self.receiver.received]
        return [one for one in payloads if isinstance(one, dict) and one["type"].startswith(kind)]

    def records(self) -> int:
        """Return how many records the saved state has taken, those that came twice included."""
        try:
            rows = decode((self.folder / "state" / "snapshot.ndjson.gz").read_bytes())
        except FileNotFoundError:
            return 0
        return int(dict(rows)["engine"]["records"])

    async def until_read(self) -> None:
        """Wait until a snapshot holds all that was ever put into the hub."""
        async with asyncio.timeout(90):
            while self.records() < len(self.actions):
                await clock.sleep(0.1)

    def lost(self) -> list[str]:
        return [one["type"].rpartition(".")[2] for one in self.payloads("unwonted.blindness") if is_loss(one)]


def is_loss(notice: dict[str, Any]) -> bool:
    return bool(notice["data"]["kind"] == "lost")


@pytest.mark.parametrize("added", [1, 4], ids=["fewer", "more"])
@pytest.mark.parametrize("restart", [True, False], ids=["restarted", "running"])
async def test_a_recreated_hub_is_read_from_its_beginning_and_told_once(
    tmp_path: Path, added: int, restart: bool
) -> None:
    async with EmbeddedHub(partitions=2) as hub, Receiver() as receiver:
        scene = Scene(tmp_path, hub, receiver)
        async with scene.service as service:
            await service.until_said("started")
            scene.put("0", "1", "0", "1", age=3.0)
            await scene.until_read()
            if restart:
                assert await service.terminate() == 0
            hub.recreate()
            scene.put(*("0", "1") * added)
            if restart:
                await service.start()
            said = await service.until_said("hub_recreated")
            assert said["partitions"] == ["0", "1"]
            await scene.until_read()
            assert await service.terminate() == 0
            await service.start()
            await service.until_said("started")
            async with asyncio.timeout(90):
                while "closed" not in scene.lost():
                    await clock.sleep(0.1)
            assert service.said("hub_recreated") == []
            assert await service.terminate() == 0
        # While it reads, the SDK may by itself go on in the new hub, until we look: that is then read once more.
        more = scene.records() - len(scene.actions)
        assert more == 0 if restart or added == 1 else 0 <= more <= 4
        assert scene.lost().count("opened") == 1
        [opened] = [one for one in scene.payloads("unwonted.blindness.opened") if is_loss(one)]
        assert opened["data"]["lost_messages"] is None
        assert "unknown number of messages" in opened["data"]["message"]
        ids = [one["id"] for one in scene.payloads("unwonted")]
        assert len(ids) == len(set(ids))
