"""Checks the hub before anything is read, and again whenever a partition falls silent.

Returns each partition's first and newest message within a deadline, or raises a `SourceError` whose text says what to
correct. It reads no message and does not disturb a reader.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from azure.core.credentials_async import AsyncTokenCredential
from azure.eventhub.aio import EventHubConsumerClient

from service.core.messages import Position
from service.core.ports import Clock
from service.core.sign_in import sign_in_problem
from service.source.connection import CLOSE_WITHIN, TOKEN_SCOPE, close, open_client, raise_if_cancelling, together
from service.source.diagnosis import (
    SDK_ERRORS,
    RefusalError,
    SdkLogListener,
    classify_error,
    condition_of,
    listen_to_sdk_log,
    no_such_group,
    paragraph,
    short,
)
from service.source.hub_extent import HubExtent, PartitionRange, beyond, refuse_other_hub
from service.source.options import SourceOptions
from service.waiting import within

_T = TypeVar("_T")

_AT_ONCE = 8  # management calls in flight; each is a connection of its own that takes about a second
_PASSING = frozenset({"unreachable", "lost", "throttled", "other"})


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

    async def check(self) -> HubExtent:
        """Return what the hub holds, after making sure that it can be read; temporary failures are retried.

        Raises
        ------
        RefusalError
            If the hub cannot be used as configured, or not within the deadline.
        HubRecreated
            If it was recreated since our positions were reached.
        """
        try:
            return await self._bounded(self._check())
        except TimeoutError as late:
            kind = classify_error(late)
            raise RefusalError(kind, paragraph(kind, self._options, short(late))) from None

    async def created_at(self) -> datetime:
        """Return when the hub was created."""
        return await self._bounded(self._ask_created_at())

    async def look(self) -> HubExtent:
        """Return what the hub holds now, checking nothing else than that our positions are of this hub.

        Raises
        ------
        RefusalError, HubRecreated
            If they are not.
        """
        return await self._bounded(self._look())

    async def _bounded(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Give `work`, which keeps the deadline itself, up where the SDK does not come back from closing."""
        return await within(None, self._options.start_deadline + CLOSE_WITHIN, work)

    async def _check(self) -> HubExtent:
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
                        raise_if_cancelling()
                        await self._clock.sleep(1.0)
            except TimeoutError:
                late = TimeoutError(f"no answer within {self._options.start_deadline:g} s")
                raise last or self._refusal(late, listener) from None

    async def _ask_created_at(self) -> datetime:
        async with asyncio.timeout(self._options.start_deadline), self._client() as client:
            return (await _describe(client))[0]

    async def _look(self) -> HubExtent:
        before = dict(self._positions())
        async with asyncio.timeout(self._options.start_deadline), self._client() as client:
            created_at, partitions = await _describe(client)
            hub = await _undivided(client, HubExtent(created_at, await _extents(client, partitions)), before)
        refuse_other_hub(self._options, hub, before)
        return hub

    async def _attempt(self, listener: SdkLogListener) -> HubExtent:
        listener.forget()
        await self._token()
        before = dict(self._positions())
        extents: list[PartitionRange]
        async with self._client(trace=True) as client:
            try:
                created_at, partitions = await _describe(client)
                extents, _ = await together(_extents(client, partitions), self._attach(partitions[0]))
                hub = await _undivided(client, HubExtent(created_at, extents), before)
            except SDK_ERRORS as error:
                raise self._refusal(error, listener) from None
        refuse_other_hub(self._options, hub, before)
        return hub

    async def _token(self) -> None:
        if self._credential is None:
            return
        try:
            await self._credential.get_token(TOKEN_SCOPE)
        except Exception as error:  # noqa: BLE001 - azure-identity raises KeyError for an odd answer, and who knows what
            problem = sign_in_problem(error, type(self._credential).__name__).rstrip(".")
            raise RefusalError(
                "unauthorized",
                f"No Microsoft Entra token could be had for reading from {self._options.host}: {problem}. In AKS, "
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


async def _describe(client: EventHubConsumerClient) -> tuple[datetime, list[str]]:
    seen = await client.get_eventhub_properties()
    return seen["created_at"].astimezone(UTC), list(seen["partition_ids"])


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


async def _undivided(client: EventHubConsumerClient, hub: HubExtent, before: Mapping[str, Position]) -> HubExtent:
    """Return `hub` as one hub's, where it may be of two: one whose creation was read, and a new one's partitions.

    The creation time is read before the partitions are: a hub recreated in between seems to be another one.
    """
    if not beyond(hub, before):
        return hub
    created_at, partitions = await _describe(client)
    return hub if created_at == hub.created_at else HubExtent(created_at, await _extents(client, partitions))
