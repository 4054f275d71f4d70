"""The engine's shards on Apache Spark: a Structured Streaming job that carries one tenant or many.

The only place that knows PySpark. What is found and told is decided by `service.shards`; here is where records come
from, where shards are, how they are spoken to, and what is durable when. A module is imported when something of it is
asked for: each worker of an executor imports this package, and needs neither sinks nor an SDK of Azure.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.spark.job import JobOptions, JobStopped, run_job
    from service.spark.sources import FileInput, HubInput
    from service.spark.tenants import Tenant

__all__ = ["FileInput", "HubInput", "JobOptions", "JobStopped", "Tenant", "run_job"]

_HOMES = {
    "job": ("JobOptions", "JobStopped", "run_job"),
    "sources": ("FileInput", "HubInput"),
    "tenants": ("Tenant",),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"service.spark.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
