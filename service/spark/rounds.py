"""Rounds: the batches of all tenants, asked and answered at the same time, over channels to tasks."""

from collections.abc import Mapping
from pickle import dumps
from typing import Any

from service.shards import BatchResult, Request
from service.spark.channel import Channel
from service.spark.tenants import ShardKey
from service.spark.worker import MissingState


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


def received(channel: Channel) -> Any:
    """Return what a task says next.

    Raises
    ------
    BrokenChannel
        It is gone.
    MissingState
        It has found no state of a shard.
    """
    answer = channel.receive()
    if isinstance(answer, MissingState):
        raise answer
    return answer
