"""Checks the hub before anything is read, and again whenever a partition falls silent.

Returns each partition's first and newest message within a deadline, or raises a `SourceError` whose text says what to
correct. It reads no message and does not disturb a reader.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from azure.core.credentials_async import AsyncTokenCredential
from azure.eventhub.aio import EventHubConsumerClient

from service.core.messages import EndOffset, Position
from service.core.ports import Clock
from service.source.connection import TOKEN_SCOPE, close, heed_cancellation, open_client, together
from service.source.diagnosis import (
    SDK_ERRORS,
    RefusalError,
    SdkLogListener,
    classify_error,
    condition_of,
    listen_to_sdk_log,
    no_such_group,
    paragraph,
    recreated,
    short,
)
from service.source.options import SourceOptions

_AT_ONCE = 8  # management calls in flight; each is a connection of its own that takes about a second
_PASSING = frozenset({"unreachable", "lost", "throttled", "other"})


class PartitionRange(NamedTuple):
    """First and last sequence number that a partition holds, and when the last was enqueued.

    `last` keeps counting when retention has emptied the partition; `empty` tells.
    """

    partition: str
    first: int
    last: int
    empty: bool
    last_enqueued: datetime

    def end_offset(self, known_at: datetime) -> EndOffset:
        """Return the newest message as the core's value."""
        return EndOffset(self.partition, -1 if self.empty else self.last, self.last_enqueued, known_at)


class Preflight:
    """The checks, for one set of options.

    Parameters
    ----------
    credential
        None with a connection string.
    positions
        The engine's positions, live.
    """

    def __init__(
        self,
        options: SourceOptions,
        credential: AsyncTokenCredential | None,
        positions: Callable[[], Mapping[str, Position]],
        clock: Clock,
    ) -> None:
        self._options = options
        self._credential = credential
        self._positions = positions
        self._clock = clock

    async def check(self) -> list[PartitionRange]:
        """Return the range of every partition, after making sure that it can be read; temporary failures are retried.

        Raises
        ------
        RefusalError
            If the hub cannot be used as configured, or not within the deadline.
        """
        with listen_to_sdk_log() as listener:
            last: RefusalError | None = None
            try:
                async with asyncio.timeout(self._options.start_deadline):
                    while True:
                        try:
                            return await self._attempt(listener)
                        except RefusalError as refusal:
                            if refusal.kind not in _PASSING:
                                raise
                            last = refusal
                        heed_cancellation()
                        await self._clock.sleep(1.0)
            except TimeoutError:
                late = TimeoutError(f"no answer within {self._options.start_deadline:g} s")
                raise last or self._refusal(late, listener) from None

    async def partitions(self) -> list[str]:
        """Return the ids of the hub's partitions."""
        async with self._client() as client:
            return list(await client.get_partition_ids())

    async def extents(self, partitions: Sequence[str]) -> list[PartitionRange]:
        """Return what the partitions hold now."""
        async with self._client() as client:
            return await _extents(client, partitions)

    async def _attempt(self, listener: SdkLogListener) -> list[PartitionRange]:
        listener.forget()
        await self._token()
        before = dict(self._positions())
        extents: list[PartitionRange]
        async with self._client(trace=True) as client:
            try:
                partitions = await client.get_partition_ids()
                extents, _ = await together(_extents(client, partitions), self._attach(partitions[0]))
            except SDK_ERRORS as error:
                raise self._refusal(error, listener) from None
        refuse_recreated(self._options, extents, before)
        return extents

    async def _token(self) -> None:
        if self._credential is None:
            return
        try:
            await self._credential.get_token(TOKEN_SCOPE)
        except Exception as error:  # noqa: BLE001 - azure-identity raises KeyError for an odd answer, and who knows what
            raise RefusalError(
                "unauthorized",
                f"No Microsoft Entra token could be had for reading from {self._options.host}: {short(error)}. In AKS, "
                "check that workload identity is set up (the service account's client-id annotation, the pod's "
                "azure.workload.identity/use label, the federated credential); elsewhere, sign in or use a connection "
                "string.",
            ) from None

    async def _attach(self, partition: str) -> None:
        """Open one receiver, which alone shows a wrong consumer group; without an epoch, so that it displaces none."""
        with listen_to_sdk_log() as listener:
            client = open_client(self._options, self._credential, partition=partition, retry_total=0, trace=True)
            failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

            async def on_error(_: object, error: Exception) -> None:
                if not failed.done():
                    failed.set_result(error)

            async def on_batch(_: object, events: Sequence[object]) -> None:
                """Take no notice: this receiver starts behind the newest message and is gone in a moment."""

            receiving = asyncio.create_task(_attach(client, partition, on_batch, on_error))
            waits: set[asyncio.Future[Any]] = {
                failed,
                asyncio.create_task(listener.attached.wait()),
                asyncio.create_task(listener.refused.wait()),
            }
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                error = failed.result() if failed.done() else Exception(listener.words)
                refused = failed.done() or listener.refused.is_set()
            finally:
                for wait in waits:
                    wait.cancel()
                await close(client, receiving)
        if refused:
            self._judge(error, listener)

    def _judge(self, error: Exception, listener: SdkLogListener) -> None:
        refusal = self._refusal(error, listener)
        # Somebody else's receivers, with epochs or too many, prove that the group exists; ours will displace them.
        if refusal.kind == "stolen" or listener.condition == "amqp:resource-limit-exceeded":
            return
        if refusal.kind == "not-found":
            raise RefusalError(refusal.kind, no_such_group(self._options, listener.words or listener.condition))
        raise refusal

    def _refusal(self, error: Exception, listener: SdkLogListener) -> RefusalError:
        kind = classify_error(error, listener.condition)
        detail = listener.words or listener.condition or condition_of(error)
        if kind not in {"unauthorized", "not-found"} or not detail:
            detail = short(error)
        return RefusalError(kind, paragraph(kind, self._options, detail))

    def _client(self, *, trace: bool = False) -> EventHubConsumerClient:
        return open_client(self._options, self._credential, retry_total=0, trace=trace)


async def _attach(client: EventHubConsumerClient, partition: str, on_batch: Any, on_error: Any) -> None:
    await client.receive_batch(
        on_batch, partition_id=partition, starting_position="@latest", prefetch=1, on_error=on_error
    )


async def _extents(client: EventHubConsumerClient, partitions: Sequence[str]) -> list[PartitionRange]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def extent(partition: str) -> PartitionRange:
        async with gate:
            seen = await client.get_partition_properties(partition)
        return PartitionRange(
            partition,
            int(seen["beginning_sequence_number"]),
            int(seen["last_enqueued_sequence_number"]),
            bool(seen["is_empty"]),
            seen["last_enqueued_time_utc"].astimezone(UTC),
        )

    return await together(*(extent(partition) for partition in partitions))


def refuse_recreated(options: SourceOptions, extents: Sequence[PartitionRange], before: Mapping[str, Position]) -> None:
    """Raise if a position is ahead of the hub; `before` are positions from before the extents were asked for.

    Raises
    ------
    RefusalError
        With kind ``bad-position``.
    """
    for extent in extents:
        position = before.get(extent.partition)
        if position is not None and position.sequence_number > extent.last:
            raise RefusalError(
                "bad-position",
                recreated(
                    options,
                    f" (partition {extent.partition}: its newest message is {extent.last}, ours was "
                    f"{position.sequence_number})",
                ),
            )
