"""Sends each alert as an event of its own, over a connection that a burst shares; retrying is the dispatcher's.

A hub delivers an event at least once, and so does this: the id of a message is the event's, by which readers can tell
a repetition. All that is said of one alert goes to one partition, so that its revisions, and what it was found to be,
stay in order.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.eventhub import EventData, TransportType
from azure.eventhub.aio import EventHubProducerClient

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Clock, Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.event_hub.answers import CLIENT_ERRORS, TOO_LARGE, receipt_of
from service.sinks.event_hub.hub_place import HubPlace
from service.sinks.event_hub.rendering import render, render_notice
from service.sinks.posting.http_post import reveal_aside
from service.sinks.posting.receiver import READ_WITHIN
from service.waiting import OneAside, within

EVENT_SECONDS = 20.0
CLOSE_SECONDS = 5.0
KEEP_SECONDS = 60.0
"""How long a connection is good on which nothing was sent: hubs and firewalls end what is idle for some minutes."""


class EventHubSink:
    """An Event Hub.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    place
        Which hub it is, and how it knows us.
    clock
        For the age of the connection.
    links
        Which links the findings carry.
    credential
        An azure-identity credential, where there is no connection string; closed with the sink.
    total_seconds
        Longest time for one event, everything included but the end of a connection.
    """

    def __init__(
        self,
        name: str,
        place: HubPlace,
        *,
        clock: Clock,
        links: Links = ALL_LINKS,
        credential: AsyncTokenCredential | None = None,
        total_seconds: float = EVENT_SECONDS,
    ) -> None:
        self._name = name
        self._place = place
        self._clock = clock
        self._links = links
        self._credential = credential
        self._total_seconds = total_seconds
        self._reading = OneAside(READ_WITHIN)
        self._producer: EventHubProducerClient | None = None
        self._used_at = 0.0

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn each alert into an event of its own."""
        return render(alerts, self._links)

    def render_notice(self, notice: AnyNotice) -> Rendered:
        """Turn a notice into an event of its own."""
        return render_notice(notice)

    async def send(self, message: Rendered) -> Receipt:
        """Send one event, once, and wait until the hub has it."""
        if self._clock.elapsed() - self._used_at > KEEP_SECONDS:
            await self._disconnect()
        try:
            producer = await self._connected()
        except OSError:
            return Receipt("retry", "connection_string_unreadable")
        except ValueError:
            return Receipt("broken", "connection_string_invalid")
        try:
            receipt = await within(None, self._total_seconds, _send(producer, message))
        except CLIENT_ERRORS as error:
            receipt = receipt_of(error)
        except Exception:
            await self._disconnect()  # the SDK's bugs leave a connection behind that is good for nothing
            raise
        if receipt.outcome == "sent":
            self._used_at = self._clock.elapsed()
        else:
            await self._disconnect()
        return receipt

    async def close(self) -> None:
        """End the connection, and let go of the credential."""
        await self._disconnect()
        if self._credential is not None:
            await self._credential.close()

    async def _connected(self) -> EventHubProducerClient:
        if self._producer is None:
            self._producer = await self._client()
        return self._producer

    async def _client(self) -> EventHubProducerClient:
        """Return a client that connects when it is first used.

        Raises
        ------
        OSError
            If the file of the connection string cannot be read.
        ValueError
            If it holds none, or one that names no hub.
        """
        place = self._place
        common: dict[str, Any] = {
            "retry_total": 0,
            "transport_type": TransportType.AmqpOverWebsocket if place.transport == "websocket" else TransportType.Amqp,
            "user_agent": "unwonted",
        }
        if place.ca_file is not None:
            common["connection_verify"] = str(place.ca_file)
        if place.connection_string is not None:
            text = await reveal_aside(self._reading, place.connection_string)
            return EventHubProducerClient.from_connection_string(text, eventhub_name=place.hub, **common)
        if self._credential is None:
            raise ValueError("there is neither a connection string nor a credential")
        return EventHubProducerClient(place.namespace, place.hub or "", self._credential, use_tls=place.tls, **common)

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):  # whatever the SDK fails at, it is let go of
                await within(None, CLOSE_SECONDS, producer.close())


async def _send(producer: EventHubProducerClient, message: Rendered) -> Receipt:
    event = EventData(message.body)
    event.message_id = message.id
    event.content_type = message.content_type
    batch = await producer.create_batch(partition_key=_subject(message))
    try:
        batch.add(event)
    except ValueError:
        return TOO_LARGE
    await producer.send_batch(batch)
    return Receipt("sent", "accepted")


def _subject(message: Rendered) -> str:
    """Return the id of the alert that an event is about: a verdict on it has an id of its own."""
    try:
        return str(json.loads(message.body)["subject"])
    except (ValueError, KeyError, TypeError):  # somebody has changed it in the dead letter
        return message.alerts[0][0]
