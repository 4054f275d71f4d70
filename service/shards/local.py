"""Driver and shards in one process: how a batch goes through them, without anything in between."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from models.stream import ActivityEvent
from service.shards.driver import BatchResult, BatchRun, Driver, End, EvaluateAt, Moment
from service.shards.exchange import Request
from service.shards.routing import Routed
from service.shards.shard import Events, Shard


def split_batch(happened: Iterable[Routed | End | EvaluateAt], shards: int) -> tuple[list[Moment], list[Events]]:
    """Return the moments of a batch, and each shard's events by the place of their message."""
    moments: list[Moment] = []
    events: list[dict[int, Sequence[ActivityEvent]]] = [{} for _ in range(shards)]
    for place, one in enumerate(happened):
        if isinstance(one, Routed):
            moments.append(one.head)
            for shard, of_shard in one.by_shard.items():
                events[shard][place] = of_shard
        else:
            moments.append(one)
    return moments, list(events)


def run_batch(asking: BatchRun, answers: Callable[[Request], Sequence[Any]]) -> BatchResult:
    """Take a batch to its end; `answers` gets those of all shards, in their order."""
    try:
        request = next(asking)
        while True:
            request = asking.send(answers(request))
    except StopIteration as end:
        result: BatchResult = end.value
        return result


def take_batch(driver: Driver, shards: Sequence[Shard], happened: Iterable[Routed | End | EvaluateAt]) -> BatchResult:
    """Take a batch through shards of this process."""
    moments, events = split_batch(happened, len(shards))
    return run_batch(
        driver.batch(moments),
        lambda request: [shard.answer(request, own) for shard, own in zip(shards, events, strict=True)],
    )
