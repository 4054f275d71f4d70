"""Tenants of a job: each has a configuration, a folder of states and sinks of its own, and shares nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from service.settings import Settings

_OF_JUDGING = ("windows", "schedule", "alerting", "detectors", "geography", "watch", "limits")


class Tenant(NamedTuple):
    """One tenant.

    Attributes
    ----------
    name
        What it is called: its folder of states, and of files where these are read.
    settings
        Its configuration.
    """

    name: str
    settings: Settings

    def for_executors(self) -> "Tenant":
        """Return it as executors are to know it: how to judge, and nothing else, no secret above all."""
        known = {name: getattr(self.settings, name) for name in _OF_JUDGING}
        return self._replace(settings=Settings().model_copy(update=known))


class ShardKey(NamedTuple):
    """Which of a tenant's shards."""

    tenant: str
    shard: int


def assign_shards(
    shards: Sequence[ShardKey], kept: Mapping[int, Mapping[ShardKey, int]], before: Mapping[str, int | None]
) -> dict[ShardKey, int]:
    """Return the task that each shard is to be in: where its state is, if anywhere, and as many in each as can be.

    Parameters
    ----------
    shards
        Of all tenants.
    kept
        The shards that each task has from an earlier batch, and the batch that they are after.
    before
        The batch that each tenant's shards are to be after.

    Examples
    --------
    >>> a, b, c = (ShardKey("contoso", number) for number in range(3))
    >>> assign_shards([a, b, c], {0: {c: 6}, 1: {b: 5}}, {"contoso": 6})[c]
    0
    """
    most = -(-len(shards) // len(kept))
    tasks: dict[ShardKey, int] = {}
    number = dict.fromkeys(sorted(kept), 0)
    for task in number:
        for shard in shards:
            there = kept[task].get(shard)
            if there is not None and there == before[shard.tenant] and shard not in tasks and number[task] < most:
                tasks[shard] = task
                number[task] += 1
    for shard in shards:
        if shard not in tasks:
            tasks[shard] = min(number, key=lambda task: (number[task], task))
            number[tasks[shard]] += 1
    return tasks


def states_of(folder: Path, tenant: str) -> Path:
    """Return where the states of a tenant are."""
    return folder / tenant
