"""Which shard an identity belongs to, and a message parted into what each shard is to observe of it.

The number of shards is part of the state: with another one, everybody would be somewhere else.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from models.stream import ActivityEvent
from service.core.engine import admit
from service.core.messages import Message


class Head(NamedTuple):
    """What the driver has to know of a message.

    Attributes
    ----------
    message
        Position and enqueued time, without its body.
    records
        How many events parsing made of it.
    newest
        Time of the newest, clamped to the enqueued time; the epoch without any.
    clamped, too_late
        How many were clamped, and how many are no shard's business because they are too late.
    """

    message: Message
    records: int
    newest: datetime
    clamped: int
    too_late: int


class Routed(NamedTuple):
    """A message, parted: its head, and its events by shard, in their order."""

    head: Head
    by_shard: dict[int, list[ActivityEvent]]


def shard_of(actor: str, shards: int) -> int:
    """Return the shard of an identity: 8 bytes of BLAKE2b of its id, as a number, modulo the number of shards.

    >>> [shard_of(f"t/{name}", 4) for name in ("ann", "bob", "eve", "dan")]
    [3, 3, 3, 1]
    """
    digest = blake2b(actor.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % shards


def route(message: Message, events: Sequence[ActivityEvent], horizon: timedelta, shards: int) -> Routed:
    """Part a message: admitted events go to the shard of their identity.

    Parameters
    ----------
    message
        Position and enqueued time.
    events
        What parsing made of its body.
    horizon
        How late an event may be.
    shards
        How many there are.
    """
    admitted = admit(events, message.enqueued_time, horizon)
    by_shard: dict[int, list[ActivityEvent]] = {}
    for event in admitted.events:
        by_shard.setdefault(shard_of(event.actor.id, shards), []).append(event)
    head = Head(message._replace(body=b""), len(events), admitted.newest, admitted.clamped, admitted.too_late)
    return Routed(head, by_shard)
