"""What executors do: parse messages, and keep shards that answer the driver for the length of a batch.

A shard stays in its process from one batch to the next; the driver is told which are here and which batch they are
after, and has each of them stay where it is. What is not here is read from the folder of states.
"""

import gc
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from pickle import loads
from typing import NamedTuple

import msgspec

from models.stream import EPOCH, ActivityEvent
from service.core.coverage import SubscriptionArrival, by_subscription
from service.core.engine import anomalies_in
from service.core.messages import Message
from service.core.parsing import ActivityLogParser, Parsed, Reject, RejectReason
from service.core.snapshot import SnapshotPart
from service.shards import Head, Shard, route
from service.spark.channel import connect
from service.spark.sources import Heartbeat, MessageBody
from service.spark.tenants import ShardKey, Tenant, states_of
from service.storage import ShardStates, StateEncoder
from service.wiring import build_shard, collect_seldom

MOST_SAMPLES = 20
"""Rejected records of one tenant that a task shows one by one; of the others it gives the number."""

FULL_COLLECTION_EVERY = 100
"""Batches after which a worker looks for garbage in its shards, too."""


class ParsedMessage(NamedTuple):
    """A message, parsed.

    Attributes
    ----------
    tenant, place, size
        Of the message; in bytes.
    head
        What the shards' driver has to know of it.
    records
        All that were found.
    rejects, left_out
        Those that could not be read, and those that are none of our business, by kind.
    subscriptions
        How many events it has of each, and the newest one's time.
    events
        What each shard is to observe; packed, because it goes through many hands on its way.
    """

    tenant: str
    place: int | str
    size: int
    head: Head
    records: int
    rejects: tuple[Reject, ...]
    left_out: Mapping[str, int]
    subscriptions: Mapping[str, SubscriptionArrival]
    events: Mapping[int, bytes]


class BatchPlan(NamedTuple):
    """What a task has to know of a batch before it can ask the driver.

    Attributes
    ----------
    number
        Of this batch.
    of
        How many shards each tenant has.
    states, anomalies
        Folders of states, and of what is found; None if nobody wants that.
    address, key
        Where the driver waits.
    """

    number: int
    of: int
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
    at
        A time that depends on the batch alone.
    events
        What it is to observe: the place of each message in the batch, and its events, packed.
    """

    shard: ShardKey
    before: int | None
    tenant: Tenant | None
    at: datetime
    events: list[tuple[int, bytes]]


class KeptShard(NamedTuple):
    """A shard in this process, the batch that it is after, and what of its state is encoded already."""

    batch: int
    shard: Shard
    encoder: StateEncoder


class MissingState(RuntimeError):  # noqa: N818 - it says what is the matter
    """The state of a shard is not where it should be; the text is one line."""


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[ActivityEvent]).decode
_PARSER = ActivityLogParser()
_KEPT: dict[Path, dict[ShardKey, KeptShard]] = {}
"""What stays in this process, by the folder of states."""


def parse_messages(
    rows: Iterable[MessageBody | Heartbeat], horizons: Mapping[str, timedelta], shards: int
) -> Iterator[ParsedMessage | Heartbeat]:
    """Yield each message, parsed; heartbeats as they are, and nothing of a tenant without a horizon."""
    shown: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, Heartbeat):
            yield row
        elif row.tenant in horizons:
            parsed = _parsed(row)
            number = row.place if isinstance(row.place, int) else 0
            enqueued = row.enqueued_time or max((event.time for event in parsed.events), default=EPOCH)
            message = Message(row.partition, number, str(number), enqueued, b"")
            head, by_shard = route(message, parsed.events, horizons[row.tenant], shards)
            yield ParsedMessage(
                row.tenant,
                row.place,
                len(row.body),
                head,
                parsed.records,
                tuple(_bounded(parsed.rejects, row.tenant, shown)),
                parsed.left_out,
                by_subscription(parsed.events),
                {shard: _pack(events) for shard, events in by_shard.items()},
            )


def _parsed(row: MessageBody) -> Parsed:
    try:
        return _PARSER.parse(row.body)
    except Exception as error:  # noqa: BLE001 - no message may end the job: what it was is counted, told and kept
        detail = (
            f"parsing ended with {type(error).__name__}: partition {row.partition}, {row.place}, {len(row.body)} bytes"
        )
        return Parsed([], [Reject(RejectReason.SET_ASIDE, "", detail)], {}, 1)


def _bounded(rejects: Iterable[Reject], tenant: str, shown: Counter[str]) -> Iterator[Reject]:
    others: Counter[RejectReason] = Counter()
    for reject in rejects:
        if (reject.sample or reject.records == 1) and shown[tenant] < MOST_SAMPLES:
            shown[tenant] += 1
            yield reject
        else:
            others[reject.reason] += reject.records
    for reason, number in sorted(others.items()):
        yield Reject(reason, "", "more of them, not shown one by one", number)


def serve_shards(task: int, plan: BatchPlan) -> Iterator[int]:
    """Answer the driver for the shards that it assigns to a task until the batch is settled, and save them."""
    collect_seldom()
    # Whatever happens from here on: what is in this process is no longer the state before the batch.
    kept = _KEPT.pop(plan.states, {})
    with closing(connect(plan.address, plan.key)) as channel:
        channel.send(task)
        channel.send({key: one.batch for key, one in kept.items()})
        assigned: list[Assignment] = []
        while (one := channel.receive()) is not None:
            assigned.append(one)
        try:
            here = {one.shard: _shard(one, plan, kept) for one in assigned}
            kept.clear()
            events = {one.shard: {place: _unpack(packed) for place, packed in one.events} for one in assigned}
            channel.send(len(here))
            while (asked := channel.receive()) is not None:
                requests = {tenant: loads(packed) for tenant, packed in asked.items()}  # noqa: S301 - out of a signed message
                channel.send(
                    {
                        key: one.shard.answer(requests[key.tenant], events[key])
                        for key, one in here.items()
                        if key.tenant in requests
                    }
                )
            for one in assigned:
                _save(one, here[one.shard], plan)
            _KEPT.setdefault(plan.states, {}).update(
                (key, one._replace(batch=plan.number)) for key, one in here.items()
            )
            channel.send(len(here))
            _spare_collector(plan.number)
        except (MissingState, OSError, ValueError) as error:
            channel.send(MissingState(str(error)))
    yield len(assigned)


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


def _save(assigned: Assignment, kept: KeptShard, plan: BatchPlan) -> None:
    (tenant, number), shard = assigned.shard, kept.shard
    parts = [SnapshotPart(shard.dump_open()), SnapshotPart(shard.dump_learnt(), version=shard.changes)]
    data = kept.encoder.encode(parts, assigned.at)
    ShardStates(states_of(plan.states, tenant)).write_encoded(plan.number, number, plan.of, data)
    if plan.anomalies is not None:
        found = (one for bucket in shard.judged for one in anomalies_in(bucket) if one.score > 0.0)
        lines = [json.dumps(one.row(), ensure_ascii=True).encode() + b"\n" for one in found]
        name = f"anomalies-{number:04d}-of-{plan.of:04d}.ndjson"
        ShardStates(states_of(plan.anomalies, tenant)).write_lines(plan.number, name, lines)
