"""A process that reads a hub in which one message is deadly; run by a test, which looks at what outlives it.

``python -m tests.service.poisoned_life FOLDER`` writes what it has read and told into it, if it lives to do so.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from models.stream import Steps
from service.core.parsing.parser import ActivityLogParser, Parsed
from service.storage.suspects import Suspects
from tests.fakes.letters import FakeDeadLetterStore
from tests.fakes.store import FakeStore
from tests.service.core.parsing.samples import message, record
from tests.service.lives import HOUR, Life, World, living

DEADLY = b'{"records":[{"time":"boom"}]}'


class DeadlyParser(ActivityLogParser):
    """Ends the process as a crash of a library would, without any ado."""

    def parse_steps(self, body: bytes) -> Steps[Parsed]:
        if body == DEADLY:
            os._exit(9)
        return super().parse_steps(body)


class KeptStore(FakeStore):
    """Outlives the process, and makes nobody wait: the clock that passes two hours at once sees no thread."""

    def __init__(self, world: World, folder: Path) -> None:
        self._file = folder / "snapshot"
        super().__init__(world.clock, kept={"current": self._file.read_bytes()} if self._file.exists() else {})

    async def save(self, data: bytes) -> None:
        await super().save(data)
        self._file.write_bytes(data)


async def live(folder: Path) -> None:
    """Read three messages, the second of which is deadly."""
    world = World()
    letters = FakeDeadLetterStore(world.clock)
    life = Life(
        world,
        parser=DeadlyParser(),
        store=KeptStore(world, folder),
        suspects=Suspects(folder),
        dead_letter=letters,
    )
    time = world.clock.now().isoformat()
    for name, place in (("before", "0"), ("", "0"), ("after", "0"), ("beside", "1")):
        action = f"Microsoft.Web/sites/{name}"
        life.feed_body(message(record(time=time, operationName=action)) if name else DEADLY, place)
    async with living(life):
        await life.pass_time(2 * HOUR)
    told = {
        "actions": world.actions(),
        "positions": {partition: one.sequence_number for partition, one in life.engine.positions.items()},
        "set_aside": life.metric("unwonted_rejects_total", reason="set_aside"),
        "letters": list(letters.entries),
        "notices": [[one.kind.value, one.stage, one.lost_messages] for one in world.sink.noticed],
    }
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1])))
