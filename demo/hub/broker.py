"""What all connections share: the store, who reads where, who may do what, and the answers of the service's nodes.

Knows no socket and no frame; it answers, or raises a `Refusal`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from demo.hub import cbs, refusals
from demo.hub.faults import Faults
from demo.hub.messages import Draft, HubMessage, Request, to_milliseconds
from demo.hub.primitives import Array, Int, Timestamp
from demo.hub.store import Partition, Store
from service.core.ports import Clock

NON_EPOCH_READERS = 5
"""Readers without a level that one partition may have in one consumer group."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the hub announces and enforces; the defaults are those of the real service.

    Attributes
    ----------
    max_frame_size, max_message_size
        Bytes.
    idle_timeout
        Seconds without a frame after which a peer is taken for gone.
    link_credit
        Messages that a sender may have under way.
    """

    max_frame_size: int = 65536
    max_message_size: int = 1024 * 1024
    idle_timeout: float = 240.0
    link_credit: int = 300


class Reader(Protocol):
    """A receiver's link, as seen from here."""

    name: str
    epoch: int | None

    def wake(self) -> None:
        """There is something new to read."""
        ...

    def detach(self, refusal: refusals.Refusal) -> None:
        """Give up the place."""
        ...


@dataclass(slots=True)
class Broker:
    """One event hub in one namespace."""

    hub: str
    store: Store
    groups: Sequence[str]
    keys: Mapping[str, str]
    clock: Clock
    make_store: Callable[[datetime], Store]
    jwt_verifier: cbs.JwtVerifier | None = None
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)
    readers: dict[tuple[str, str], list[Reader]] = field(default_factory=dict)

    def publish(self, partition: Partition, drafts: Sequence[Draft], enqueued_time: datetime | None = None) -> int:
        """Append, wake the partition's readers, and return the last sequence number."""
        now = enqueued_time or self.clock.now()
        for draft in drafts:
            partition.append(draft, now)
        self.store.created_at = min(self.store.created_at, now)
        self.wake(partition.id)
        return partition.next - 1

    def wake(self, partition: str) -> None:
        """Let the partition's readers look for messages."""
        for (_, where), readers in self.readers.items():
            if where == partition:
                for reader in readers:
                    reader.wake()

    def messages(self, partition: str) -> list[HubMessage]:
        """What a partition holds, oldest first."""
        found = self.store.partition(partition)
        return [found[number] for number in range(found.begin, found.next)]

    def locate_reader(self, address: str) -> tuple[str, Partition]:
        """Consumer group (in lower case) and partition of a receiver's source; `Refusal` if there is none."""
        _, path = cbs.split_address(address)
        if len(path) != 5 or path[1::2] != ("consumergroups", "partitions"):
            raise refusals.not_found(address)
        if path[0] != self.hub.lower() or path[2] not in [group.lower() for group in self.groups]:
            raise refusals.not_found("/".join(path[:3]))
        return path[2], self.store.partition(path[4])

    def locate_sender(self, address: str) -> Partition | None:
        """The partition of a sender's target; None for the hub as a whole."""
        _, path = cbs.split_address(address)
        if not path or path[0] != self.hub.lower() or len(path) not in (1, 3):
            raise refusals.not_found("/".join(path))
        if len(path) == 1:
            return None
        if path[1] != "partitions":
            raise refusals.not_found("/".join(path))
        return self.store.partition(path[2])

    def admit(self, reader: Reader, place: tuple[str, str]) -> None:
        """Give `reader` its place, at the cost of readers with a lower level or none.

        Raises
        ------
        Refusal
            ``amqp:link:stolen`` when a reader with a higher level is there; ``amqp:resource-limit-exceeded`` when
            five without a level are.
        """
        present = self.readers.setdefault(place, [])
        levels = [(other.epoch, other) for other in present if other.epoch is not None]
        for level, other in levels:
            if reader.epoch is None or reader.epoch < level:
                raise refusals.lower_epoch(reader.name, reader.epoch or 0, other.name, level)
        if reader.epoch is None:
            if len(present) >= NON_EPOCH_READERS:
                raise refusals.too_many_readers(NON_EPOCH_READERS, [other.name for other in present])
        else:
            for other in list(present):
                other.detach(refusals.stolen(other.name, other.epoch or 0, reader.name, reader.epoch))
        present.append(reader)

    def leave(self, reader: Reader, place: tuple[str, str]) -> None:
        """Take a reader out; harmless when it is out already."""
        present = self.readers.get(place, [])
        if reader in present:
            present.remove(reader)

    def verify(self, kind: object, token: object, audience: str) -> datetime:
        """Return until when `token` opens `audience`; raises `TokenRefused`."""
        if self.faults.refuse_tokens is not None:
            status, description = self.faults.refuse_tokens
            raise cbs.TokenRefused(status, "com.microsoft:auth-failed", description)
        _, path = cbs.split_address(audience)
        if path and path[0] != self.hub.lower():
            raise cbs.TokenRefused(404, "amqp:not-found", refusals.not_found(audience.partition("://")[2]).description)
        if kind == cbs.SAS_TYPE and isinstance(token, str):
            return cbs.verify_sas(token, audience, self.keys, self.clock.now())
        if kind == cbs.JWT_TYPE and isinstance(token, str):
            return cbs.verify_jwt(token, self.jwt_verifier, self.clock.now())
        raise cbs.TokenRefused(400, "amqp:not-allowed", "The token's type is not supported.")

    def manage(self, request: Request) -> tuple[dict[str, Any], Any]:
        """Answer a request to ``$management``: the answer's application properties and its value."""
        wanted = request.properties
        if wanted.get("operation") != "READ":
            return _status(400, "The operation is not supported.", "amqp:not-implemented"), None
        if str(wanted.get("name", "")).lower() != self.hub.lower():
            refusal = refusals.not_found(str(wanted.get("name")))
            return _status(404, refusal.description, refusal.condition), None
        if wanted.get("type") == "com.microsoft:eventhub":
            return _status(200, "OK"), self._describe_hub()
        if wanted.get("type") != "com.microsoft:partition":
            return _status(400, "The entity type is not supported.", "amqp:not-implemented"), None
        try:
            return _status(200, "OK"), self._describe(self.store.partition(str(wanted.get("partition"))))
        except refusals.Refusal as refusal:
            return _status(400, refusal.description, refusal.condition), None

    def _describe_hub(self) -> dict[str, Any]:
        return {
            "name": self.hub,
            "type": "com.microsoft:eventhub",
            "created_at": Timestamp(to_milliseconds(self.store.created_at)),
            "partition_count": Int(len(self.store.partitions)),
            "partition_ids": Array(self.store.partitions),
        }

    def _describe(self, partition: Partition) -> dict[str, Any]:
        empty = partition.begin == partition.next
        return {
            "name": self.hub,
            "type": "com.microsoft:partition",
            "partition": partition.id,
            "begin_sequence_number": -1 if empty else partition.begin,
            "last_enqueued_sequence_number": partition.next - 1,
            "last_enqueued_offset": partition.last_offset,
            "last_enqueued_time_utc": Timestamp(partition.newest.enqueued_ms if partition.newest else 0),
            "is_partition_empty": empty,
        }


def _status(code: int, description: str, condition: str | None = None) -> dict[str, Any]:
    status: dict[str, Any] = {"status-code": Int(code), "status-description": description}
    return status | {"error-condition": condition} if condition else status
