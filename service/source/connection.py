"""Opens and closes the SDK's clients."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.eventhub import TransportType
from azure.eventhub.aio import EventHubConsumerClient

from service.core.messages import Position
from service.source.checkpoints import LivePositions
from service.source.diagnosis import SDK_ERRORS
from service.source.options import SourceOptions
from service.source.tls import shared_context

TOKEN_SCOPE = "https://eventhubs.azure.net/.default"  # noqa: S105 - the name of an audience, not a secret
CLOSE_WITHIN = 10.0  # seconds; the SDK itself takes one, and a dead peer must not hold us longer


def default_credential() -> AsyncTokenCredential:
    """Return the workload identity of the pod we run in, or else whatever identity Azure's usual chain finds."""
    # Here, because it takes a while, and with a connection string nobody signs in.
    from azure.identity.aio import DefaultAzureCredential, WorkloadIdentityCredential  # noqa: PLC0415

    if "AZURE_FEDERATED_TOKEN_FILE" in os.environ:
        return WorkloadIdentityCredential()
    return DefaultAzureCredential()


class OnePartitionClient(EventHubConsumerClient):
    """A client for one partition that is known to exist.

    Before it opens a receiver, the SDK asks the hub for its partitions, over a connection of its own that takes a
    second. With a client for each partition that is a waste: a partition that no longer exists is refused anyway.
    """

    partition = ""
    _consumer: object = None

    async def get_partition_ids(self) -> list[str]:
        """Return the one partition."""
        return [self.partition]

    def _create_consumer(self, *args: Any, **kwargs: Any) -> Any:
        self._consumer = super()._create_consumer(*args, **kwargs)
        return self._consumer

    def forget_deliveries(self) -> None:
        """Forget the tags of all deliveries so far: the SDK keeps each for a settlement that Event Hubs never wants.

        That is 80 bytes a message for as long as the connection lasts. If another version of the SDK keeps them
        elsewhere, nothing is forgotten.
        """
        link = getattr(getattr(self._consumer, "_handler", None), "_link", None)
        tags = getattr(link, "_received_delivery_tags", None)
        if tags:
            tags.clear()

    def forget_messages(self) -> None:
        """Forget what was received and not handed over: after it was closed, a client is cyclic garbage for long."""
        messages = getattr(self._consumer, "_message_buffer", None)
        if messages:
            messages.clear()


def open_client(
    options: SourceOptions,
    credential: AsyncTokenCredential | None,
    *,
    partition: str | None = None,
    positions: Callable[[], Mapping[str, Position]] = dict,
    retry_total: int = 3,
    trace: bool = False,
) -> EventHubConsumerClient:
    """Return a client that has not connected yet; `trace` makes it log its frames (costly).

    Parameters
    ----------
    partition
        What it will receive from; None for a client that only asks for properties.
    credential
        Needed unless the options hold a connection string.
    """
    common: dict[str, Any] = {
        "checkpoint_store": LivePositions(positions),
        "idle_timeout": options.idle_timeout,
        "retry_total": retry_total,
        "load_balancing_interval": options.balancing_every,
        "partition_ownership_expiration_interval": 6 * options.balancing_every,
        "transport_type": TransportType.AmqpOverWebsocket if options.transport == "websocket" else TransportType.Amqp,
        "custom_endpoint_address": options.endpoint,
        "logging_enable": trace,
        "user_agent": "unwonted",
    }
    context = shared_context(options.ca_file)
    common |= {"connection_verify": options.ca_file} if context is None else {"ssl_context": context}
    if options.proxy is not None:
        proxy = options.proxy
        # The SDK hands both on to aiohttp as they are, which wants an address.
        common["http_proxy"] = {"proxy_hostname": f"http://{proxy.host}", "proxy_port": proxy.port}
        if proxy.user:
            common["http_proxy"] |= {"username": proxy.user, "password": proxy.password}
    kind = EventHubConsumerClient if partition is None else OnePartitionClient
    if options.connection_string is not None:
        client = kind.from_connection_string(
            options.connection_string, options.consumer_group, eventhub_name=options.hub_name, **common
        )
    elif credential is not None:
        client = kind(
            options.namespace, options.hub_name, options.consumer_group, credential, use_tls=options.tls, **common
        )
    else:
        raise TypeError("a credential is needed where there is no connection string")
    if isinstance(client, OnePartitionClient) and partition is not None:
        client.partition = partition
    return client


async def together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Return all results, or raise the first failure when the rest has been cancelled and has ended."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def raise_if_cancelling() -> None:
    """Raise `CancelledError` if this task is being cancelled, for which the SDK may raise an error of its own."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def close(client: EventHubConsumerClient, receiving: asyncio.Task[None]) -> None:
    """Close a client and then its receive task, which is the order that the SDK supports."""
    try:
        async with asyncio.timeout(CLOSE_WITHIN):
            await client.close()
    except (TimeoutError, *SDK_ERRORS):
        pass  # the client is dropped anyway; what matters is that its task ends, below
    receiving.cancel()
    await asyncio.wait([receiving], timeout=CLOSE_WITHIN)
    if isinstance(client, OnePartitionClient):
        client.forget_messages()
