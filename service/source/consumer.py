"""The Event Hub as the `Source` of `service.core.ports`: all partitions of one hub, read by this process alone."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from azure.core.credentials_async import AsyncTokenCredential

from service.core.failures import leaf
from service.core.messages import EndOffset, Position
from service.core.ports import Clock, HubRecreated
from service.source.catching_up import CatchUp
from service.source.connection import CLOSE_WITHIN, default_credential, open_client, raise_if_cancelling
from service.source.diagnosis import SDK_ERRORS, RefusalError, classify_error, short
from service.source.hub_extent import HubExtent, PartitionRange, is_credible
from service.source.hub_time import HubTime
from service.source.options import (
    EndOffsets,
    Expired,
    Kind,
    Recovered,
    Silent,
    SourceEvent,
    SourceOptions,
    SourceTrouble,
)
from service.source.preflight import Preflight
from service.source.reader import SIDE_BY_SIDE, Beginning, Handle, PartitionReader
from service.source.watchdog import Silence, Watchdog
from service.waiting import within

_STOP_WITHIN = 3 * CLOSE_WITHIN
"""Seconds for a batch in hand, and for closing one connection and the task that received from it."""


class _Asked(NamedTuple):
    """When the hub was asked, by our clock, and by how much that had been set; how late it was there, at least."""

    at: datetime
    jumped: timedelta
    hub_time: datetime


class EventHubSource:
    """Messages of every partition of one hub, each partition from where the engine is.

    Call `prepare`, then `run`; `stop` at any time.

    Parameters
    ----------
    positions
        Where the engine is, partition by partition, live: every new connection begins there.
    credential_factory
        Makes the credential unless the options hold a connection string; the source closes it.
    observer
        Called with each event, on the event loop; must not raise.
    """

    def __init__(
        self,
        *,
        options: SourceOptions,
        positions: Callable[[], Mapping[str, Position]],
        clock: Clock,
        observer: Callable[[SourceEvent], None],
        credential_factory: Callable[[], AsyncTokenCredential] = default_credential,
    ) -> None:
        self._options = options
        self._positions = positions
        self._clock = clock
        self._observer = observer
        self._credential_factory = credential_factory
        self._credential: AsyncTokenCredential | None = None
        self._hub_time = HubTime()
        self._watchdog = Watchdog(options.silent_after)
        self._catch_up = CatchUp(SIDE_BY_SIDE)
        self._readers: dict[str, PartitionReader] = {}
        self._beginnings: dict[str, Beginning] = {}
        self._created_at: datetime | None = None
        self._was_recreated = False
        self._checking = asyncio.Lock()
        self._checked_at = -1.0
        self._stopping = asyncio.Event()
        self._ended: asyncio.Event | None = None

    @property
    def ready(self) -> bool:
        """Whether partitions are being read and none is silent."""
        return bool(self._readers) and not self._watchdog.silent

    async def prepare(self) -> list[EndOffset]:
        """Make sure that the hub can be read; returns the newest message of each partition.

        Raises
        ------
        SourceError
            Within the options' deadline: wrong namespace, hub, consumer group or credential, or a hub that ends
            before our positions.
        HubRecreated
            The hub was recreated since our positions were reached: forget them, and prepare again.
        """
        asked = self._ask()
        try:
            hub = await self._preflight().check()
        except HubRecreated:
            self._was_recreated = True
            raise
        extents, self._created_at = hub.partitions, hub.created_at
        self._beginnings = {extent.partition: self._beginning(extent) for extent in extents}
        self._report_expired(extents)
        return self._report_end_offsets(extents, asked)

    async def run(self, handle: Handle) -> None:
        """Deliver batches until `stop`; each is one partition's, and is awaited before that partition's next.

        Raises
        ------
        SourceError
            If another receiver takes a partition over, the hub turns out to be another one, or a partition stays
            silent for too long.
        HubRecreated
            The hub was recreated. Forget the positions, prepare, and run again.
        """
        self._ended, self._catch_up = asyncio.Event(), CatchUp(SIDE_BY_SIDE)
        try:
            if not self._beginnings and not self._stopping.is_set():
                await self.prepare()
            async with asyncio.TaskGroup() as group:
                for partition in self._beginnings:
                    self._start(partition, handle, group)
                watching = [group.create_task(self._watch_silences()), group.create_task(self._probe(handle, group))]
                await self._stopping.wait()
                for task in watching:
                    task.cancel()
                for reader in self._readers.values():
                    reader.stop()
        except BaseExceptionGroup as failures:
            cause = leaf(failures)
            self._was_recreated = self._was_recreated or isinstance(cause, HubRecreated)
            raise cause from None
        finally:
            self._readers.clear()
            await self._close_credential()
            self._ended.set()

    async def stop(self) -> None:
        """Let the batches in hand finish, then close every connection; a batch or a connection that hangs is left."""
        self._stopping.set()
        if self._ended is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_WITHIN):
                    await self._ended.wait()
        await self._close_credential()

    async def _close_credential(self) -> None:
        credential, self._credential = self._credential, None
        if credential is not None:
            with suppress(TimeoutError):
                await within(None, CLOSE_WITHIN, credential.close())

    def _preflight(self) -> Preflight:
        return Preflight(self._options, self._identity(), self._positions, self._clock)

    def _identity(self) -> AsyncTokenCredential | None:
        if self._credential is None and self._options.connection_string is None:
            self._credential = self._credential_factory()
        return self._credential

    def _beginning(self, extent: PartitionRange) -> Beginning:
        """Return where to start in a partition without a position.

        "Latest" means what is newest at the very first start, as a number: asking the hub for its newest again with
        every new connection would skip what came in between. A partition that shows up later is read from its first,
        and so is every partition of a hub that was recreated.
        """
        start = self._options.start
        if isinstance(start, datetime):
            return start
        first_time = not self._positions() and not self._readers and not self._was_recreated
        return extent.last if start == "latest" and first_time and extent.last >= 0 else "-1"

    def _start(self, partition: str, handle: Handle, group: asyncio.TaskGroup) -> None:
        self._watchdog.watch(partition, self._clock.elapsed())
        reader = self._readers[partition] = PartitionReader(
            partition,
            options=self._options,
            connect=lambda: open_client(
                self._options,
                self._identity(),
                partition=partition,
                positions=self._positions,
            ),
            position=lambda: self._positions().get(partition),
            handle=handle,
            beginning=self._beginnings[partition],
            watchdog=self._watchdog,
            catch_up=self._catch_up,
            clock=self._clock,
            observe=self._observer,
            # Spread over a tenth of the time, so that not all partitions reconnect at once.
            lifetime=self._options.recycle_every * (1 + len(self._readers) % 10 / 100),
            before_retry=self._check_hub,
        )
        group.create_task(reader.run())

    async def _watch_silences(self) -> None:
        """Renew the connections of partitions that have fallen silent."""
        while True:
            raise_if_cancelling()
            await self._clock.sleep(self._options.silent_after / 6)
            silences = self._watchdog.due(self._clock.elapsed())
            if silences:
                await self._renew_silent(silences)

    async def _renew_silent(self, silences: Sequence[Silence]) -> None:
        kind: Kind | None = None
        reason = "the hub answers, but the SDK delivers nothing"
        try:
            self._note_created(await self._preflight().check())
        except RefusalError as refusal:
            kind, reason = refusal.kind, str(refusal)
        limit = self._options.give_up_unreachable_after if kind == "unreachable" else self._options.give_up_after
        for silence in silences:
            if silence.partition not in self._watchdog.silent:
                continue  # it has spoken again meanwhile, and nobody would tell that once more
            self._observer(Silent(silence.partition, silence.seconds, reason))
            if silence.seconds >= limit or kind == "bad-position":
                raise RefusalError(
                    kind or "lost",
                    f"Partition {silence.partition} has given no sign of life for {silence.seconds:.0f} s, and new "
                    f"connections did not help: {reason}. Ending, so that the process can be started afresh.",
                )
            self._readers[silence.partition].renew()

    async def _probe(self, handle: Handle, group: asyncio.TaskGroup) -> None:
        """Ask the hub for its newest messages from time to time, and for partitions that were added."""
        while True:
            raise_if_cancelling()
            await self._clock.sleep(self._options.probe_every)
            asked = self._ask()
            try:
                hub = await self._preflight().look()
            except SDK_ERRORS as error:
                raise_if_cancelling()
                self._observer(SourceTrouble(None, classify_error(error), short(error)))
                continue
            self._note_created(hub)
            extents = hub.partitions
            for extent in extents:
                if extent.partition not in self._readers:
                    self._beginnings[extent.partition] = self._beginning(extent)
                    self._start(extent.partition, handle, group)
            self._report_end_offsets(extents, asked)

    async def _check_hub(self) -> None:
        """Make sure, before a partition is read on after an error, that the hub is still the same.

        A new one that has grown past our position would be read on from there, and its beginning lost unnoticed.
        """
        asked_at = self._clock.elapsed()
        async with self._checking:
            if self._checked_at > asked_at:
                return  # another partition has asked meanwhile
            self._checked_at = self._clock.elapsed()
            try:
                if await self._preflight().created_at() != self._created_at:
                    self._note_created(await self._preflight().look())
            except SDK_ERRORS:
                raise_if_cancelling()  # the new connection will show what is wrong

    def _note_created(self, hub: HubExtent) -> None:
        """Raise if the hub is younger than the one that we began to read, whatever the positions say."""
        if self._created_at is not None and hub.created_at > self._created_at and is_credible(hub):
            raise HubRecreated(hub.created_at, [one.partition for one in hub.partitions])
        self._created_at = hub.created_at

    def _ask(self) -> _Asked:
        """Note when the hub is asked: between its answer and the moment that we read it, much may happen."""
        now, jumped = self._clock.now(), self._clock.jumped()
        for position in self._positions().values():
            self._hub_time.note(position.enqueued_time, now - jumped)
        return _Asked(now, jumped, self._hub_time.at(now - jumped))

    def _report_end_offsets(self, extents: Sequence[PartitionRange], asked: _Asked) -> list[EndOffset]:
        now, at = self._clock.now(), self._clock.elapsed()
        known_at = min(now, asked.at + (self._clock.jumped() - asked.jumped))
        positions = self._positions()
        for extent in extents:
            position = positions.get(extent.partition)
            behind = position is not None and not extent.empty and position.sequence_number < extent.last
            if extent.partition in self._readers and self._watchdog.note_end_offset(extent.partition, behind, at):
                self._observer(Recovered(extent.partition))
        end_offsets = [extent.end_offset(known_at, asked.hub_time) for extent in extents]
        for extent in extents:
            if not extent.empty:
                self._hub_time.note(extent.last_enqueued, now - self._clock.jumped())
        self._observer(EndOffsets(tuple(end_offsets)))
        return end_offsets

    def _report_expired(self, extents: Sequence[PartitionRange]) -> None:
        positions = self._positions()
        for extent in extents:
            position = positions.get(extent.partition)
            if position is None:
                continue
            first = extent.last + 1 if extent.empty else extent.first
            if (missing := first - position.sequence_number - 1) > 0:
                self._observer(Expired(extent.partition, missing))
