"""What executors do: parse the messages of a batch, and keep shards that answer the driver for the length of it.

A shard stays in its process from one batch to the next; the driver is told which are here and which batch they are
after, and has each of them stay where it is. What is not here is read from the folder of states. Events stay where they
were parsed if their shard is there, too; those of others go packed to the driver, which passes them on.
"""

import gc
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from pickle import loads
from typing import NamedTuple

from service.core.engine import anomalies_in
from service.core.snapshot import SnapshotPart
from service.shards import Events, Shard
from service.spark.channel import Channel, connect
from service.spark.messages import ParsedEvents, ParsedMessage, parse_messages, unpack_events
from service.spark.sources import Heartbeat, MessageBody
from service.spark.tenants import ShardKey, Tenant, states_of
from service.storage import ShardStates, StateEncoder
from service.wiring import build_shard, collect_seldom

A_PIECE = 16 * 1024 * 1024
"""Bytes after which what was parsed is sent."""

FULL_COLLECTION_EVERY = 100
"""Batches after which a worker looks for garbage in its shards, too."""


class BatchPlan(NamedTuple):
    """What a task has to know of a batch before it can ask the driver.

    Attributes
    ----------
    number
        Of this batch.
    of
        How many shards each tenant has.
    horizons
        How late an event may be, by the tenants that take part.
    states, anomalies
        Folders of states, and of what is found; None if nobody wants that.
    address, key
        Where the driver waits.
    """

    number: int
    of: int
    horizons: Mapping[str, timedelta]
    states: Path
    anomalies: Path | None
    address: tuple[str, int]
    key: bytes


class Assignment(NamedTuple):
    """A shard that a task is to have in a batch.

    Attributes
    ----------
    shard
        Which one.
    before
        The batch whose state it goes on from; None if it begins with nothing.
    tenant
        Whose it is; None where the shard is in the task's process already.
    """

    shard: ShardKey
    before: int | None
    tenant: Tenant | None


class BatchShare(NamedTuple):
    """What a task's shards are to observe in a batch.

    Attributes
    ----------
    places
        The place in the batch of each message that the task has parsed, by its number there; those that are not new
        have none.
    events
        By shard, the places of messages that others have parsed, and their events, packed.
    at
        By tenant, a time that depends on the batch alone.
    """

    places: Mapping[int, int]
    events: Mapping[ShardKey, Sequence[tuple[int, bytes]]]
    at: Mapping[str, datetime]


class KeptShard(NamedTuple):
    """A shard in this process, the batch that it is after, and what of its state is encoded already."""

    batch: int
    shard: Shard
    encoder: StateEncoder


class MissingState(RuntimeError):  # noqa: N818 - it says what is the matter
    """The state of a shard is not where it should be; the text is one line."""


_KEPT: dict[Path, dict[ShardKey, KeptShard]] = {}
"""What stays in this process, by the folder of states."""


def serve_shards(task: int, rows: Iterable[MessageBody | Heartbeat], plan: BatchPlan) -> Iterator[int]:
    """Parse a task's messages, answer the driver for the shards that it assigns, and save them when it is settled."""
    collect_seldom()
    # Whatever happens from here on: what is in this process is no longer the state before the batch.
    kept = _KEPT.pop(plan.states, {})
    with closing(connect(plan.address, plan.key)) as channel:
        channel.send(task)
        channel.send({key: one.batch for key, one in kept.items()})
        assigned: list[Assignment] = channel.receive()
        try:
            here = {one.shard: _shard(one, plan, kept) for one in assigned}
            kept.clear()
            found: dict[ShardKey, ParsedEvents] = {key: {} for key in here}
            _send_parsed(channel, list(parse_messages(rows, plan.horizons, plan.of, task, found)))
            share: BatchShare = channel.receive()
            events = {key: _events(parsed, share, key) for key, parsed in found.items()}
            found.clear()
            while (asked := channel.receive()) is not None:
                requests = {tenant: loads(packed) for tenant, packed in asked.items()}  # noqa: S301 - out of a signed message
                channel.send(
                    {
                        key: one.shard.answer(requests[key.tenant], events[key])
                        for key, one in here.items()
                        if key.tenant in requests
                    }
                )
            for key, one in here.items():
                _save(key, one, plan, share.at[key.tenant])
            _KEPT.setdefault(plan.states, {}).update(
                (key, one._replace(batch=plan.number)) for key, one in here.items()
            )
            channel.send(len(here))
            _spare_collector(plan.number)
        except (MissingState, OSError, ValueError) as error:
            channel.send(MissingState(str(error)))
    yield len(assigned)


def _send_parsed(channel: Channel, parsed: Sequence[ParsedMessage | Heartbeat]) -> None:
    """Send what was parsed, in pieces: a batch may have very much of it."""
    begun, size = 0, 0
    for number, one in enumerate(parsed, 1):
        size += sum(map(len, one.events.values())) + 1000 if isinstance(one, ParsedMessage) else 0
        if size >= A_PIECE:
            channel.send(parsed[begun:number])
            begun, size = number, 0
    channel.send(parsed[begun:])
    channel.send(None)


def _events(parsed: ParsedEvents, share: BatchShare, key: ShardKey) -> Events:
    """Return what a shard is to observe, by place."""
    places = share.places
    own = {places[number]: events for number, events in parsed.items() if number in places}
    return own | {place: unpack_events(packed) for place, packed in share.events.get(key, ())}


def _spare_collector(batch: int) -> None:
    """Keep the collection after each of Spark's tasks from all that stays; now and then it may look at everything."""
    if batch % FULL_COLLECTION_EVERY == 0:
        gc.unfreeze()
    else:
        gc.freeze()


def _shard(assigned: Assignment, plan: BatchPlan, kept: Mapping[ShardKey, KeptShard]) -> KeptShard:
    """Return a shard as it is before the batch."""
    key, before, tenant = assigned.shard, assigned.before, assigned.tenant
    if tenant is None:
        return kept[key]
    shard = build_shard(tenant.settings, key.shard, plan.of)
    if before is not None:
        states = ShardStates(states_of(plan.states, key.tenant))
        try:
            shard.load(states.read_shard(before, key.shard, plan.of))
        except FileNotFoundError as error:
            raise MissingState(
                f"{key.tenant}: the state of shard {key.shard} of {plan.of} is missing: {error.filename}"
            ) from None
        except ValueError as error:
            raise MissingState(f"{key.tenant}: shard {key.shard} of {plan.of}: {error}") from None
    return KeptShard(plan.number, shard, StateEncoder())


def _save(key: ShardKey, kept: KeptShard, plan: BatchPlan, at: datetime) -> None:
    (tenant, number), shard = key, kept.shard
    parts = [SnapshotPart(shard.dump_open()), SnapshotPart(shard.dump_learnt(), version=shard.changes)]
    data = kept.encoder.encode(parts, at)
    ShardStates(states_of(plan.states, tenant)).write_encoded(plan.number, number, plan.of, data)
    if plan.anomalies is not None:
        found = (one for bucket in shard.judged for one in anomalies_in(bucket) if one.score > 0.0)
        lines = [json.dumps(one.row(), ensure_ascii=True).encode() + b"\n" for one in found]
        name = f"anomalies-{number:04d}-of-{plan.of:04d}.ndjson"
        ShardStates(states_of(plan.anomalies, tenant)).write_lines(plan.number, name, lines)
