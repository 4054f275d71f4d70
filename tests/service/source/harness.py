"""What stands in for the engine in the source's tests: it remembers positions, and what came when."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

from service.core.messages import Message, Position
from service.source.options import SourceEvent

E = TypeVar("E")


class Recorder:
    """Takes batches as the engine would: what it has had already it counts and leaves."""

    def __init__(self) -> None:
        self.positions: dict[str, Position] = {}
        self.bodies: dict[str, list[bytes]] = defaultdict(list)
        self.batches: list[list[Message]] = []
        self.repeated = 0
        self.events: list[SourceEvent] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.entered = asyncio.Event()
        self.cancelled = False
        self._pulse = asyncio.Event()
        self._run: asyncio.Task[None] | None = None

    async def handle(self, messages: Sequence[Message]) -> None:
        self.entered.set()
        try:
            await self.hold.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.batches.append(list(messages))
        for message in messages:
            known = self.positions.get(message.partition)
            if known is not None and message.sequence_number <= known.sequence_number:
                self.repeated += 1
                continue
            expected = known.sequence_number + 1 if known is not None else message.sequence_number
            assert message.sequence_number == expected, "a message was left out"
            self.bodies[message.partition].append(message.body)
            self.positions[message.partition] = Position(message.sequence_number, message.offset, message.enqueued_time)
        self._pulse.set()

    def observe(self, event: SourceEvent) -> None:
        self.events.append(event)
        self._pulse.set()

    @property
    def count(self) -> int:
        return sum(map(len, self.bodies.values()))

    def told(self, kind: type[E], **fields: object) -> list[E]:
        """Return the events of this type with these fields."""
        return [
            event
            for event in self.events
            if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items())
        ]

    async def until(self, count: int) -> None:
        """Wait for so many different messages."""
        while self.count < count:
            await self._news()

    async def until_told(self, kind: type[E], **fields: object) -> E:
        """Wait for an event of this type with these fields."""
        while not (found := self.told(kind, **fields)):
            await self._news()
        return found[-1]

    def follow(self, run: asyncio.Task[None]) -> None:
        """Let whoever waits fail, when this run fails, instead of waiting in vain."""
        self._run = run
        run.add_done_callback(lambda _: self._pulse.set())

    async def _news(self) -> None:
        if self._run is not None and self._run.done():
            await self._run
        self._pulse.clear()
        await self._pulse.wait()
