"""The hub as its users see it: start it, fill it, look into it, break it, stop it."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from demo.hub import refusals
from demo.hub.broker import Broker, Limits
from demo.hub.cbs import JwtVerifier
from demo.hub.connection import Connection
from demo.hub.faults import Faults
from demo.hub.messages import HubMessage, draft
from demo.hub.store import Store
from service.clock import SystemClock
from service.core.ports import Clock


class ReaderInfo(NamedTuple):
    """A receiver that is attached now; `group` in lower case, `epoch` None when it has no level."""

    group: str
    partition: str
    epoch: int | None


class EmbeddedHub:
    """An event hub in this process and event loop, which the unmodified Azure SDK talks to over real sockets.

    Use it as an asynchronous context manager.

    Parameters
    ----------
    hub
        The event hub's name.
    partitions
        How many, from "0".
    host, port
        Where to listen; port 0 lets the system choose.
    consumer_groups
        The groups there are.
    key_name, key
        The one shared access policy, which may listen, send and manage.
    clock
        For enqueued times and the expiry of tokens.
    jwt_verifier
        Takes a JSON Web Token and returns its claims, or raises ValueError; None: only shared access signatures.
        See `demo.hub.hs256_verifier`.
    limits
        Sizes and time-outs to announce and enforce.
    retain
        Messages to keep in each partition; None: all.
    offset_prefix
        Put in front of each offset, such as ``0:`` to behave like a geo-replicated hub.
    tls
        Server-side context for ``amqps``; None: plain TCP, as with Microsoft's emulator.

    Attributes
    ----------
    port
        The port that it listens on, from entering to leaving, and afterwards the last one.
    faults
        Switches that make it misbehave.
    """

    def __init__(
        self,
        *,
        hub: str = "insights-activity-logs",
        partitions: int = 4,
        host: str = "127.0.0.1",
        port: int = 0,
        consumer_groups: Sequence[str] = ("$Default", "unwonted"),
        key_name: str = "RootManageSharedAccessKey",
        key: str = "embedded-hub-key",
        clock: Clock | None = None,
        jwt_verifier: JwtVerifier | None = None,
        limits: Limits | None = None,
        retain: int | None = None,
        offset_prefix: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.port = port
        self.faults = Faults()
        self._host = host
        self._key_name = key_name
        self._key = key
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

        def make_store(created_at: datetime) -> Store:
            return Store(partitions, created_at, retain, offset_prefix)

        self._broker = Broker(
            hub=hub,
            store=make_store(clock.now()),
            groups=tuple(consumer_groups),
            keys={key_name: key},
            clock=clock,
            make_store=make_store,
            jwt_verifier=jwt_verifier,
            limits=limits or Limits(),
            faults=self.faults,
        )

    def __repr__(self) -> str:
        return f"<EmbeddedHub {self._broker.hub!r} on {self._host}:{self.port}>"

    async def __aenter__(self) -> Self:
        await self.go_online()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.go_offline()

    @property
    def name(self) -> str:
        """The event hub's name."""
        return self._broker.hub

    @property
    def connection_string(self) -> str:
        """What a client needs to connect; it holds the key."""
        return (
            f"Endpoint=sb://{self._host}:{self.port};SharedAccessKeyName={self._key_name};"
            f"SharedAccessKey={self._key};UseDevelopmentEmulator=true;EntityPath={self._broker.hub}"
        )

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    @property
    def readers(self) -> list[ReaderInfo]:
        """Who reads where, by group and partition."""
        return sorted(
            ReaderInfo(group, partition, reader.epoch)
            for (group, partition), readers in self._broker.readers.items()
            for reader in readers
        )

    # events

    def append(
        self,
        partition: str | None,
        body: bytes,
        *,
        enqueued_time: datetime | None = None,
        partition_key: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> int:
        """Put a message into the hub as if a producer had sent it.

        Parameters
        ----------
        partition
            None: chosen by `partition_key`, else all in turn.
        enqueued_time
            Aware; None: now. Within a partition it never goes back: an earlier one is raised to its predecessor's.

        Returns
        -------
        int
            The message's sequence number.
        """
        store = self._broker.store
        where = store.choose(partition_key) if partition is None else store.partition(partition)
        return self._broker.publish(where, [draft(body, properties, partition_key)], enqueued_time)

    def messages(self, partition: str) -> list[HubMessage]:
        """What a partition holds, oldest first."""
        return self._broker.messages(partition)

    def recreate(self) -> None:
        """Delete the hub and create it again, empty: links end, and positions of before are invalid."""
        self._detach(refusals.not_found(self._broker.hub))
        self._broker.store = self._broker.make_store(self._broker.clock.now())

    # trouble

    async def go_offline(self) -> None:
        """Stop listening and reset all connections; the events stay."""
        if self._server is not None:
            self._server.close()
            await self.drop_connections()
            await self._server.wait_closed()
            self._server = None

    async def go_online(self) -> None:
        """Listen, on the same port as before if there was one; OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._broker, self._connections), self._host, self.port, ssl=self._tls, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def drop_connections(self) -> None:
        """Reset all connections; returns when they are gone."""
        for connection in list(self._connections):
            connection.abort()
            await connection.gone.wait()

    def close_connections(self, condition: str = "amqp:connection:forced", description: str = "Bye.") -> None:
        """Close all connections with a reason, as gateways do when they are upgraded."""
        for connection in list(self._connections):
            connection.close(condition, description)

    def detach(self, condition: str, description: str) -> None:
        """End all event links with a reason."""
        self._detach(refusals.Refusal(condition, description))

    def _detach(self, refusal: refusals.Refusal) -> None:
        for connection in list(self._connections):
            for session in list(connection.sessions.values()):
                for link in list(session.links.values()):
                    if link.path:
                        link.detach(refusal)

    def withhold(self, *partitions: str) -> None:
        """Send nothing of these partitions any more, as a receiver sees it whose link has died and nobody noticed."""
        self.faults.withheld |= set(partitions)

    def release(self) -> None:
        """Send what was withheld."""
        withheld, self.faults.withheld = self.faults.withheld, set()
        for partition in withheld:
            self._broker.wake(partition)

    def expire(self, partition: str) -> int:
        """Forget all messages of a partition, as retention does; return how many there were."""
        return self._broker.store.partition(partition).expire()

    def refuse_tokens(self, status: int = 401, description: str = "The token was refused.") -> None:
        """Refuse every token from now on, and forget those that were shown: event links end."""
        self.faults.refuse_tokens = (status, description)
        for connection in list(self._connections):
            connection.revoke()

    def accept_tokens(self) -> None:
        """Check tokens again instead of refusing them."""
        self.faults.refuse_tokens = None
