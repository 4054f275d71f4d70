"""Tenants of a job: each has a configuration, a folder of states and sinks of its own, and shares nothing."""

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


class Home(NamedTuple):
    """Which of a tenant's shards."""

    tenant: str
    shard: int


def tasks_of(tenants: list[str], shards: int, tasks: int) -> dict[Home, int]:
    """Return the task that each shard of each tenant is in: as many in each as can be.

    >>> tasks_of(["contoso"], 3, 2)
    {Home(tenant='contoso', shard=0): 0, Home(tenant='contoso', shard=1): 1, Home(tenant='contoso', shard=2): 0}
    """
    homes = [Home(tenant, shard) for tenant in tenants for shard in range(shards)]
    return {home: number % tasks for number, home in enumerate(homes)}


def states_of(folder: Path, tenant: str) -> Path:
    """Return where the states of a tenant are."""
    return folder / tenant
