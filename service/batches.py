"""Applies batches of messages: parses each or sets it aside, lets the engine learn it, and says what came of it.

Where messages come from is the source's business, what is told of them the engine's.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from models.stream import RecordResult
from service.components import Components
from service.core.engine import Applied, Engine
from service.core.messages import Message
from service.core.parsing import Parsed, RejectReason
from service.history import Room
from service.storage import RejectLetters, set_aside
from service.telemetry import BatchApplied, BucketsClosed, DeadLettersWritten, MessageSetAside, TelemetryEvent

_PACKED_AT_ONCE: Final = 200  # identities, for which the history takes some milliseconds
_BREATH: Final = 256 * 1024  # bytes of messages between two moments in which everything else has its turn


async def emit_closed(engine: Engine, emit: Callable[[TelemetryEvent], None], room: Room | None) -> None:
    """Report the buckets that were closed since this was last asked, in parts, once the history has room for each."""
    left = deque(piece for closed in engine.take_closed() for piece in closed.pieces(_PACKED_AT_ONCE))
    since: float | None = None
    try:
        while left:
            if room is not None:
                since = await room.wait(since)
            emit(BucketsClosed([left.popleft()]))
    except BaseException:
        emit(BucketsClosed([*left]))
        raise


class Batches:
    """What becomes of each batch.

    Parameters
    ----------
    components
        Of the service: parser, state, suspects, dead letters, telemetry.
    now
        Returns the present, after noticing that the clock may have been set.
    """

    def __init__(self, components: Components, now: Callable[[], datetime]) -> None:
        self._clock = components.clock
        self._parser = components.parser
        self._suspects = components.suspects
        self._state = components.state
        self._emit = components.telemetry.emit
        self._room = components.history_room
        self._now = now
        letters = components.dead_letter
        self._letters = None if letters is None else RejectLetters(letters, components.clock)

    async def apply(self, messages: Sequence[Message]) -> None:
        """Apply messages, in their order."""
        async with self._state.lock:
            started = self._clock.elapsed()
            self._state.changed = True
            parsed, applied = await self._take(messages)
            self._emit(BatchApplied.of(messages, parsed, applied, self._clock.elapsed() - started))
            await emit_closed(self._state.engine, self._emit, self._room)
            self._note_coverage(messages, parsed, applied)
        rejects = [reject for one, done in zip(parsed, applied, strict=True) if done.fresh for reject in one.rejects]
        if rejects and self._letters is not None:
            await self._letters.write(rejects)
            store = self._letters.store
            self._emit(DeadLettersWritten("rejected", store.written, store.dropped))

    async def _take(self, messages: Sequence[Message]) -> tuple[list[Parsed], list[Applied]]:
        """Parse and apply messages, or set them aside; the next life will know in which of them this one ended."""
        suspects, state = self._suspects, self._state
        parsed: list[Parsed] = []
        applied: list[Applied] = []
        breath = _BREATH
        try:
            for message in messages:
                if suspects.may_be_read(message):
                    suspects.begin(message)
                    parsed.append(await state.take(self._parser.parse_steps(message.body)))
                else:
                    parsed.append(set_aside(message))
                applied.append(await state.take(state.engine.apply_steps(message, parsed[-1].events)))
                breath -= len(message.body)
                if breath <= 0:
                    breath = _BREATH
                    await self._clock.sleep(0.0)
        except asyncio.CancelledError:
            suspects.end()  # whatever ends the process, it is no message
            raise
        suspects.end()
        return parsed, applied

    def _note_coverage(self, messages: Sequence[Message], parsed: Sequence[Parsed], applied: Sequence[Applied]) -> None:
        now = self._now()
        for message, one, done in zip(messages, parsed, applied, strict=True):
            if done.fresh:
                if any(reject.reason is RejectReason.SET_ASIDE for reject in one.rejects):
                    self._state.coverage.note_set_aside(message, now)
                    self._emit(MessageSetAside(message.partition, message.sequence_number, len(message.body)))
                unjudged = done.results.get(RecordResult.TOO_LATE, 0)
                self._state.coverage.note_events(message, one.events, unjudged=unjudged, now=now)
