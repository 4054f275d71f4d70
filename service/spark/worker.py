"""What executors do: parse messages, and keep shards that answer the driver for the length of a batch.

A shard stays in its process from one batch to the next. Whether what is there is the state before this batch is
checked by the batch's number; otherwise it is read from the folder of states.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from models.stream import EPOCH, ActivityEvent
from service.core.engine import anomalies_in
from service.core.messages import Message
from service.core.parsing import ActivityLogParser
from service.shards import Head, Shard, route
from service.spark.channel import connect
from service.spark.sources import MessageBody
from service.spark.tenants import Home, Tenant, states_of
from service.storage import ShardStates
from service.wiring import build_shard

MessagePlace = tuple[str, int]
"""Partition, and number of a message there."""


class ParsedMessage(NamedTuple):
    """The head of a message, and how many of its records were rejected."""

    tenant: str
    head: Head
    rejected: int


class ShardEvents(NamedTuple):
    """What a shard is to observe of a message; `events` are packed, because they go through many hands on their way."""

    home: Home
    position: MessagePlace
    events: bytes


class BatchPlan(NamedTuple):
    """What a task has to know of a batch.

    Attributes
    ----------
    number, before
        Of this batch, and of the one whose states it goes on from; None if it begins with nothing.
    tenants
        By name.
    of
        How many shards each has.
    homes
        The task of each shard.
    places
        The place of each message in the batch, by tenant and position.
    states, anomalies
        Folders of states, and of what is found; None if nobody wants that.
    at
        A time that depends on the batch alone, by tenant.
    address, key
        Where the driver waits.
    """

    number: int
    before: Mapping[str, int | None]
    tenants: Mapping[str, Tenant]
    of: int
    homes: Mapping[Home, int]
    places: Mapping[str, Mapping[MessagePlace, int]]
    states: Path
    anomalies: Path | None
    at: Mapping[str, datetime]
    address: tuple[str, int]
    key: bytes


class KeptShard(NamedTuple):
    """A shard in this process, and the batch that it is after."""

    batch: int | None
    shard: Shard


class MissingState(RuntimeError):  # noqa: N818 - it says what is the matter
    """The state of a shard is not where it should be; the text is one line."""


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[ActivityEvent]).decode
_PARSER = ActivityLogParser()
_KEPT: dict[tuple[Path, Home], KeptShard] = {}


def parse_bodies(
    bodies: Iterable[MessageBody], horizons: Mapping[str, Any], shards: int
) -> Iterator[ParsedMessage | ShardEvents]:
    """Yield the head of each message, and what each shard is to observe of it."""
    for body in bodies:
        parsed = _PARSER.parse(body.body)
        enqueued = body.enqueued_time or max((event.time for event in parsed.events), default=EPOCH)
        message = Message(body.partition, body.sequence_number, str(body.sequence_number), enqueued, b"")
        routed = route(message, parsed.events, horizons[body.tenant], shards)
        yield ParsedMessage(body.tenant, routed.head, parsed.rejected)
        for shard, events in routed.by_shard.items():
            yield ShardEvents(Home(body.tenant, shard), (body.partition, body.sequence_number), _pack(events))


def attend(task: int, rows: Iterable[ShardEvents], plan: BatchPlan) -> Iterator[int]:
    """Answer the driver for the shards of a task until the batch is settled, and save them."""
    homes = [home for home, its_task in plan.homes.items() if its_task == task]
    events: dict[Home, dict[int, list[ActivityEvent]]] = {home: {} for home in homes}
    for row in rows:
        events[row.home][plan.places[row.home.tenant][row.position]] = _unpack(row.events)
    with closing(connect(plan.address, plan.key)) as channel:
        channel.send(task)
        try:
            shards = {home: _shard(home, plan) for home in homes}
            # Whatever happens from here on: what is in this process is no longer the state before the batch.
            for home in homes:
                _KEPT.pop((plan.states, home), None)
            channel.send(homes)
            while (asked := channel.receive()) is not None:
                channel.send(
                    {
                        home: shard.answer(asked[home.tenant], events[home])
                        for home, shard in shards.items()
                        if home.tenant in asked
                    }
                )
            for home, shard in shards.items():
                _save(home, shard, plan)
            channel.send("saved")
        except (MissingState, OSError, ValueError) as error:
            channel.send(MissingState(str(error)))
    yield len(homes)


def _shard(home: Home, plan: BatchPlan) -> Shard:
    """Return a shard as it is before the batch."""
    before, kept = plan.before[home.tenant], _KEPT.get((plan.states, home))
    if kept is not None and kept.batch == before and before is not None:
        return kept.shard
    shard = build_shard(plan.tenants[home.tenant].settings, home.shard, plan.of)
    if before is not None:
        states = ShardStates(states_of(plan.states, home.tenant))
        try:
            shard.load(states.read_shard(before, home.shard, plan.of))
        except FileNotFoundError as error:
            raise MissingState(
                f"{home.tenant}: the state of shard {home.shard} of {plan.of} is missing: {error.filename}"
            ) from None
        except ValueError as error:
            raise MissingState(f"{home.tenant}: shard {home.shard} of {plan.of}: {error}") from None
    return shard


def _save(home: Home, shard: Shard, plan: BatchPlan) -> None:
    states = ShardStates(states_of(plan.states, home.tenant))
    states.write_shard(plan.number, home.shard, plan.of, shard.dump(), plan.at[home.tenant])
    if plan.anomalies is not None:
        found = (one for bucket in shard.judged for one in anomalies_in(bucket) if one.score > 0.0)
        lines = [json.dumps(one.row(), ensure_ascii=True).encode() + b"\n" for one in found]
        name = f"anomalies-{home.shard:04d}-of-{plan.of:04d}.ndjson"
        ShardStates(states_of(plan.anomalies, home.tenant)).write_lines(plan.number, name, lines)
    _KEPT[plan.states, home] = KeptShard(plan.number, shard)
