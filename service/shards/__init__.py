"""The engine in parts: shards that have some of the identities each, and a driver that decides what is told.

Pure like the core: messages and instants in, alerts out, whatever number of shards there is, the same as from one
engine. Where shards are and how they are reached is left to others.
"""

from service.shards.driver import BatchResult, BatchRun, Driver, End, EvaluateAt, Moment
from service.shards.exchange import Gather, Request, Settle
from service.shards.local import run_batch, split_batch, take_batch
from service.shards.migration import merge_states, split_state
from service.shards.routing import Head, Routed, route, shard_of
from service.shards.shard import Events, OtherShard, Shard

__all__ = [
    "BatchResult",
    "BatchRun",
    "Driver",
    "End",
    "EvaluateAt",
    "Events",
    "Gather",
    "Head",
    "Moment",
    "OtherShard",
    "Request",
    "Routed",
    "Settle",
    "Shard",
    "merge_states",
    "route",
    "run_batch",
    "shard_of",
    "split_batch",
    "split_state",
    "take_batch",
]
