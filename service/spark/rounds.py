"""What the driver says to the tasks of a batch, and hears from them, over channels.

First who has which shard, then what was parsed, and who is to observe what; then rounds, in which the batches of all
tenants are asked and answered at the same time. `worker` is the other end of it.
"""

from collections.abc import Mapping, Sequence
from pickle import dumps
from typing import Any

from service.shards import BatchResult, Request
from service.spark.channel import ROUND_WITHIN, Channel
from service.spark.messages import ParsedMessage
from service.spark.sources import Heartbeat
from service.spark.tenant_driver import BegunBatch
from service.spark.tenants import ShardKey, Tenant, assign_shards
from service.spark.worker import Assignment, BatchShare, MissingState

PARSED_WITHIN = 3600.0
"""Seconds that a task may take to read and parse its part of a batch; that it is lost is noticed long before."""


def assign(
    channels: Mapping[int, Channel], shards: int, before: Mapping[str, int | None], tenants: Mapping[str, Tenant]
) -> dict[ShardKey, int]:
    """Tell each task which shards it has; a shard stays where its state is.

    Parameters
    ----------
    channels
        To the tasks.
    shards
        Of each tenant.
    before
        Tenants that take part, and the batch that each is after.
    tenants
        As executors are to know them.
    """
    kept = {task: received(channel) for task, channel in channels.items()}
    keys = [ShardKey(name, shard) for name in sorted(before) for shard in range(shards)]
    tasks = assign_shards(keys, kept, before)
    assigned: dict[int, list[Assignment]] = {task: [] for task in channels}
    for shard, task in tasks.items():
        after = before[shard.tenant]
        is_there = after is not None and kept[task].get(shard) == after
        assigned[task].append(Assignment(shard, after, None if is_there else tenants[shard.tenant]))
    for task, channel in channels.items():
        channel.send(assigned[task])
    return tasks


def gather_parsed(channels: Mapping[int, Channel]) -> tuple[list[ParsedMessage], Heartbeat | None]:
    """Return the messages of a batch as tasks have parsed them, and the latest heartbeat."""
    messages: list[ParsedMessage] = []
    beats: list[Heartbeat] = []
    for channel in channels.values():
        while (several := received(channel, PARSED_WITHIN)) is not None:
            messages += [one for one in several if isinstance(one, ParsedMessage)]
            beats += [one for one in several if isinstance(one, Heartbeat)]
    return messages, max(beats, default=None)


def hand_out(channels: Mapping[int, Channel], tasks: Mapping[ShardKey, int], begun: Mapping[str, BegunBatch]) -> None:
    """Tell each task what its shards are to observe."""
    at = {name: one.at for name, one in begun.items()}
    places: dict[int, dict[int, int]] = {task: {} for task in channels}
    for one in begun.values():
        for (task, number), place in one.places.items():
            places[task][number] = place
    events: dict[int, dict[ShardKey, Sequence[tuple[int, bytes]]]] = {task: {} for task in channels}
    for shard, task in tasks.items():
        events[task][shard] = begun[shard.tenant].events.get(shard.shard, ())
    for task, channel in channels.items():
        channel.send(BatchShare(places[task], events[task], at))


def run_rounds(
    channels: Mapping[int, Channel], tasks: Mapping[ShardKey, int], runs: Mapping[str, Any]
) -> dict[str, BatchResult]:
    """Take the batches of all tenants to their end at the same time: a round of requests serves every tenant."""
    tenants_of = {task: sorted({key.tenant for key, its in tasks.items() if its == task}) for task in channels}
    shards = 1 + max(key.shard for key in tasks)
    results: dict[str, BatchResult] = {}
    asked: dict[str, Request] = {name: next(run) for name, run in runs.items()}
    while asked:
        packed = {name: dumps(request) for name, request in asked.items()}
        for task, channel in channels.items():
            channel.send({name: packed[name] for name in tenants_of[task] if name in packed})
        answers: dict[ShardKey, Any] = {}
        for channel in channels.values():
            answers.update(received(channel))
        following: dict[str, Request] = {}
        for name in asked:
            try:
                following[name] = runs[name].send([answers[ShardKey(name, shard)] for shard in range(shards)])
            except StopIteration as end:
                results[name] = end.value
        asked = following
    for channel in channels.values():
        channel.send(None)
    for channel in channels.values():
        received(channel)
    return results


def received(channel: Channel, within: float = ROUND_WITHIN) -> Any:
    """Return what a task says next.

    Raises
    ------
    BrokenChannel
        It is gone.
    MissingState
        It has found no state of a shard.
    """
    answer = channel.receive(within)
    if isinstance(answer, MissingState):
        raise answer
    return answer
