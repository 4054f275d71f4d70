"""Reads one partition for as long as the service runs, over one connection after another.

The SDK would restart a partition by itself, but late (in its next balancing cycle), not after every failure, and not
at all if a claimed link cannot be opened. So each connection is used until its first error, until it is
old enough to be recycled, or until the watchdog finds it silent; the next one begins at the engine's live position.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient

from service.core.messages import Message, Position
from service.core.ports import Clock
from service.source.catching_up import CatchUp
from service.source.connection import OnePartitionClient, close, raise_if_cancelling
from service.source.diagnosis import RefusalError, classify_error, condition_of, paragraph, short
from service.source.messages import message_of
from service.source.options import Closed, Opened, Recovered, SourceEvent, SourceOptions, SourceTrouble
from service.source.watchdog import Watchdog

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between two connections after an error, doubling
LINGER = 0.02  # seconds in which a batch fills while we are behind
BEHIND = timedelta(seconds=10)  # age of a batch's newest message, by our clock, from which we are
FAR_BEHIND = timedelta(hours=1)  # from which partitions wait for each other; what is newer than that is urgent
SIDE_BY_SIDE = timedelta(minutes=10)  # by which one may then be ahead of another
LONGEST_HOLD = 10.0  # seconds that one waits: the others may be in trouble, and a connection wants to be used
_LOOK_AGAIN = 0.005  # seconds

Handle = Callable[[Sequence[Message]], Awaitable[None]]
Beginning = str | int | datetime
Reason = Literal["stop", "recycle", "error", "silent", "stolen", "handler"]


class _Ending(NamedTuple):
    reason: Reason
    error: BaseException | None = None


class PartitionReader:
    """Reads one partition; `run` ends after `stop`, or raises an error that a new connection cannot mend.

    Parameters
    ----------
    connect
        Makes a client that has not connected yet.
    position
        Where the engine is in this partition, live; None if nowhere yet.
    beginning
        Where to start while the engine is nowhere yet: "-1" for the first message, a sequence number or a time to
        start behind.
    catch_up
        What all partitions have in common that catch up side by side.
    lifetime
        Seconds after which a connection is replaced.
    before_retry
        Awaited between a connection that failed or fell silent and the next; what it raises ends `run`.
    """

    def __init__(
        self,
        partition: str,
        *,
        options: SourceOptions,
        connect: Callable[[], EventHubConsumerClient],
        position: Callable[[], Position | None],
        handle: Handle,
        beginning: Beginning,
        watchdog: Watchdog,
        catch_up: CatchUp,
        clock: Clock,
        observe: Callable[[SourceEvent], None],
        lifetime: float,
        before_retry: Callable[[], Awaitable[None]],
    ) -> None:
        self.partition = partition
        self._options = options
        self._connect = connect
        self._position = position
        self._handle = handle
        self._beginning = beginning
        self._watchdog = watchdog
        self._catch_up = catch_up
        self._clock = clock
        self._observe = observe
        self._lifetime = lifetime
        self._before_retry = before_retry
        self._stopping = asyncio.Event()
        self._ending: asyncio.Future[_Ending] | None = None
        self._in_hand: asyncio.Task[None] | None = None
        self._carried = 0

    async def run(self) -> None:
        """Read until `stop`.

        Raises
        ------
        RefusalError
            If another receiver took the partition over.
        Exception
            What the handler raised, which it should not.
        """
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            raise_if_cancelling()
            ending = await self._connection()
            self._observe(Closed(self.partition, ending.reason))
            if ending.reason == "handler" and ending.error is not None:
                raise ending.error
            if ending.reason == "stolen":
                detail = short(ending.error) if ending.error is not None else ""
                raise RefusalError("stolen", paragraph("stolen", self._options, detail))
            pause = FIRST_PAUSE if self._carried or ending.reason != "error" else min(2 * pause, LONGEST_PAUSE)
            if ending.reason == "error":
                await self._rest(pause)
            if ending.reason in {"error", "silent"} and not self._stopping.is_set():
                await self._before_retry()

    def stop(self) -> None:
        """Let `run` finish the batch in hand, and end."""
        self._stopping.set()
        self._end(_Ending("stop"))

    def renew(self) -> None:
        """Replace the connection, because the partition is silent."""
        self._end(_Ending("silent"))

    def _end(self, ending: _Ending) -> None:
        if self._ending is not None and not self._ending.done():
            self._ending.set_result(ending)

    async def _rest(self, seconds: float) -> None:
        waits = {asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._stopping.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _connection(self) -> _Ending:
        """Use one connection from its opening to its end."""
        ending: asyncio.Future[_Ending] = asyncio.get_running_loop().create_future()
        self._ending = ending
        self._carried = 0
        position = self._position()
        self._observe(Opened(self.partition, None if position is None else position.sequence_number))
        client = self._connect()
        receiving = asyncio.create_task(self._receive(client, ending))
        ageing = asyncio.create_task(self._age())
        try:
            return await ending
        finally:
            ageing.cancel()
            try:
                if self._in_hand is not None and not self._in_hand.done():
                    await asyncio.wait([self._in_hand])
            finally:
                await close(client, receiving)

    async def _age(self) -> None:
        await self._clock.sleep(self._lifetime)
        self._end(_Ending("recycle"))

    async def _receive(self, client: EventHubConsumerClient, ending: asyncio.Future[_Ending]) -> None:
        async def on_batch(_: object, events: Sequence[EventData]) -> None:
            if isinstance(client, OnePartitionClient):
                client.forget_deliveries()
            if not ending.done():
                await self._batch([message_of(self.partition, event) for event in events])
            self._catch_up.note(self.partition, events[-1].enqueued_time if events else None)
            if not ending.done():
                await self._linger(events)
                await self._hold(events, ending)

        async def on_error(_: object, error: Exception) -> None:
            kind = classify_error(error)
            if ending.done():
                return  # about a connection that has been given up
            self._observe(SourceTrouble(self.partition, kind, condition_of(error) or short(error)))
            ending.set_result(_Ending("stolen" if kind == "stolen" else "error", error))

        try:
            await client.receive_batch(
                on_batch,
                on_error=on_error,
                partition_id=self.partition,
                owner_level=self._options.epoch,
                starting_position=self._beginning,
                starting_position_inclusive=False,
                max_batch_size=self._options.max_batch,
                max_wait_time=self._options.max_wait,
                prefetch=self._options.prefetch,
            )
        except Exception as error:  # noqa: BLE001 - whatever ends the SDK's own loop, the next connection starts afresh
            await on_error(None, error)

    async def _batch(self, messages: Sequence[Message]) -> None:
        """Hand one batch over, in a task of our own, so that closing the SDK's client does not cancel it."""
        if self._watchdog.note_callback(self.partition, len(messages), self._clock.elapsed()):
            self._observe(Recovered(self.partition))
        if not messages:
            return
        self._carried += len(messages)
        self._watchdog.note_busy(self.partition)
        self._in_hand = asyncio.ensure_future(self._handle(messages))
        self._in_hand.add_done_callback(self._handled)
        await asyncio.shield(self._in_hand)
        if self._carried >= self._options.recycle_after_messages:
            self._end(_Ending("recycle"))

    async def _linger(self, events: Sequence[EventData]) -> None:
        """Let the SDK receive some messages before it is given the chance to hand over the first of them alone.

        It hands over whatever it has as soon as it may, which is one or two messages: what a batch costs would be paid
        for each of them. Where we are not behind there is time for that, and none to lose.
        """
        newest = events[-1].enqueued_time if events and len(events) < self._options.max_batch else None
        if newest is not None and self._clock.now() - newest > BEHIND:
            await self._clock.sleep(LINGER)

    async def _hold(self, events: Sequence[EventData], ending: asyncio.Future[_Ending]) -> None:
        """Let partitions that are far behind this one come nearer: what it is ahead of them is held in memory."""
        newest = events[-1].enqueued_time if events else None
        if newest is None or self._clock.now() - newest <= FAR_BEHIND:
            return
        until = self._clock.elapsed() + LONGEST_HOLD
        while self._catch_up.is_ahead(self.partition) and self._clock.elapsed() < until and not ending.done():
            await self._clock.sleep(_LOOK_AGAIN)

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._watchdog.note_done(self.partition, self._clock.elapsed())
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            self._end(_Ending("handler", error))
