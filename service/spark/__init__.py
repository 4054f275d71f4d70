"""The engine's shards on Apache Spark: a Structured Streaming job that carries one tenant or many.

The only place that knows PySpark. What is found and told is decided by `service.shards`; here is where records come
from, where shards are, how they are spoken to, and what is durable when.
"""

from service.spark.job import JobOptions, JobStopped, run_job
from service.spark.sources import FileInput, HubInput
from service.spark.tenants import Tenant

__all__ = ["FileInput", "HubInput", "JobOptions", "JobStopped", "Tenant", "run_job"]
