"""The job: a stream of messages, and for each batch one Spark job whose tasks parse it and have the shards.

Spark reads, and starts again what was lost; its checkpoint says which messages a batch has. A batch that is run again
goes on from the states before it, which are kept, and so comes to the same.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

import structlog
from prometheus_client import CollectorRegistry

from service.clock import SystemClock
from service.monitoring import Health
from service.monitoring.metrics import Metrics
from service.shards import BatchResult, OtherShard
from service.spark.channel import BrokenChannel, TaskServer
from service.spark.messages import ParsedMessage
from service.spark.metrics_port import MetricsPort
from service.spark.rounds import assign, gather_parsed, hand_out, run_rounds
from service.spark.sources import MOST_FILES, FileInput, Heartbeat, HubInput
from service.spark.tenant_driver import BegunBatch, TenantDriver
from service.spark.tenants import Tenant
from service.spark.worker import BatchPlan, MissingState, serve_shards
from service.telemetry import Telemetry

if TYPE_CHECKING:  # what a batch does with them is the same wherever they come from
    from pyspark.sql import DataFrame, SparkSession

BATCH_ATTEMPTS = 3
"""How often a batch is started over before the job ends, when executors are lost in it."""
WORKERS_USED_EVERY = 20.0
"""Seconds after which a job has Spark use its workers between batches: it ends those that were idle for a minute."""
TENANTS_AT_ONCE = 16
"""So many are saved and told at the same time: a receiver that does not answer holds up its own tenant."""

_log = structlog.get_logger("unwonted.spark")


class JobOptions(NamedTuple):
    """What a job is to do.

    Attributes
    ----------
    tenants
        Whose records.
    source
        Where they come from.
    states, checkpoint
        Folders, on a file system that all executors share; Spark's own notes are in the second.
    shards
        Of each tenant; part of the state.
    tasks
        In which shards are; as many as run at once, if 0.
    every
        Seconds between two batches; 0 takes what is there, and ends.
    anomalies
        Folder for everything that is found; None if nobody wants that.
    http_port
        Where the driver serves metrics and probes; None if nowhere.
    """

    tenants: Sequence[Tenant]
    source: FileInput | HubInput
    states: Path
    checkpoint: Path
    shards: int
    tasks: int = 0
    every: int = 0
    anomalies: Path | None = None
    http_port: int | None = None


class JobStopped(RuntimeError):  # noqa: N818 - it says what happened
    """The job cannot go on; the text is one line that says why."""


def run_job(options: JobOptions, session: "SparkSession | None" = None) -> None:
    """Run until what is there has been read, or for ever.

    Raises
    ------
    JobStopped
        A state is missing, or not that which comes before the batch; executors are lost again and again.
    SettingsError
        The settings of a tenant name no hub.
    OSError
        The port for metrics is taken.
    """
    if session is None:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra

        session = SparkSession.builder.appName("unwonted").getOrCreate()
    session.sparkContext.setLogLevel("FATAL")
    job = Job(options, session)
    port = None if options.http_port is None else MetricsPort(job.registry, job.health, options.http_port)
    writer = (
        options.source.open(session, options.tenants)
        .writeStream.option("checkpointLocation", str(options.checkpoint))
        .foreachBatch(job.take)
    )
    trigger = {"processingTime": f"{options.every} seconds"} if options.every else {"availableNow": True}
    query = writer.trigger(**trigger).start()
    try:
        while not query.awaitTermination(WORKERS_USED_EVERY):
            job.keep_workers()
    except Exception as error:
        raise JobStopped(job.stopped or _first_line(error)) from error
    finally:
        if port is not None:
            port.close()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _last_line(error: BaseException | None) -> str:
    """Return what Python in a task said last, of an error that comes with the traces of two languages."""
    said = [
        line.strip()
        for line in str(error or "").splitlines()
        if re.match(r"\s*[\w.]+(Error|Exception|Channel)\b", line)
    ]
    return said[-1] if said else "the job has ended"


class Job:
    """Takes batches.

    Parameters
    ----------
    options
        What to do.
    session
        Spark's.

    Attributes
    ----------
    stopped
        Why it cannot go on, once it cannot.
    registry, health
        Metrics of all tenants together, and whether it has begun.
    """

    def __init__(self, options: JobOptions, session: "SparkSession") -> None:
        self.stopped = ""
        self.registry, self.health = CollectorRegistry(), Health()
        self._clock = SystemClock()
        self._has_batch = Event()
        self._options = options
        self._context = session.sparkContext
        self._tasks = options.tasks or self._context.defaultParallelism
        metrics = Metrics(self.registry)
        self._drivers = {
            tenant.name: TenantDriver(
                tenant,
                options.shards,
                options.states,
                Telemetry(metrics, Health()),
                is_live=options.source.is_live,
            )
            for tenant in options.tenants
        }

    def take(self, frame: "DataFrame", number: int) -> None:
        """Take a batch."""
        self._has_batch.set()
        try:
            self._take(frame, number)
        except (JobStopped, OtherShard, MissingState, OSError, ValueError) as error:
            self.stopped = str(error)
            raise
        finally:
            self._has_batch.clear()

    def keep_workers(self) -> None:
        """Have workers do something between two batches, so that they stay, and the shards in them."""
        if not self._has_batch.is_set():
            with suppress(Exception):  # what is lost is noticed by the next batch, or by whoever waits for the stream
                self._context.parallelize(range(self._tasks), self._tasks).foreachPartition(any)

    def _take(self, frame: "DataFrame", number: int) -> None:
        started = self._clock.elapsed()
        before = self._prepare(number)
        if before:
            for attempt in range(1, BATCH_ATTEMPTS + 1):
                try:
                    self._judge(frame, number, before, started)
                except BrokenChannel as error:
                    _log.warning("batch_attempt_failed", batch=number, attempt=attempt, error=str(error))
                    if attempt == BATCH_ATTEMPTS:
                        raise JobStopped(
                            f"batch {number}: executors were lost {BATCH_ATTEMPTS} times: {error}"
                        ) from error
                    before = self._prepare(number)
                else:
                    break
        self.health.note_restored()
        self.health.note_partitions(owned=1, known=1)

    def _prepare(self, number: int) -> dict[str, int | None]:
        """Return the tenants that have yet to take a batch, and the one before it; what others have to send is sent."""
        before = dict[str, int | None]()
        for name, driver in self._drivers.items():
            to_do, newest = driver.prepare(number)
            if to_do:
                before[name] = newest
            else:
                driver.send()
        return before

    def _judge(self, frame: "DataFrame", number: int, before: Mapping[str, int | None], started: float) -> None:
        begun, results = self._asked(frame, number, before)
        seconds = self._clock.elapsed() - started

        def commit(name: str) -> None:
            self._drivers[name].commit(number, begun[name], results[name], seconds)

        with ThreadPoolExecutor(TENANTS_AT_ONCE) as pool:
            list(pool.map(commit, begun))
        _log.info("batch", batch=number, **_summary(begun, results), seconds=round(self._clock.elapsed() - started, 3))

    def _asked(
        self, frame: "DataFrame", number: int, before: Mapping[str, int | None]
    ) -> tuple[dict[str, BegunBatch], dict[str, BatchResult]]:
        """Have tasks parse the batch and answer until it is settled, and save their states."""
        options, ended = self._options, Event()
        host = self._context.getConf().get("spark.driver.host", "localhost")
        key = secrets.token_bytes(32)
        horizons = {name: self._drivers[name].tenant.settings.windows.late_horizon for name in before}
        tenants = {name: self._drivers[name].for_executors for name in before}
        # Tasks end when the server does, and the thread when they have.
        with ThreadPoolExecutor(1) as aside, TaskServer(host, key, ended.is_set) as server:
            plan = BatchPlan(number, options.shards, horizons, options.states, options.anomalies, server.address, key)
            job = aside.submit(self._run_tasks, frame, plan, ended)
            try:
                server.connect(self._tasks)
                tasks = assign(server.channels, options.shards, before, tenants)
                messages, heartbeat = gather_parsed(server.channels)
                begun = self._begin(before, numbered(messages, number), heartbeat)
                hand_out(server.channels, tasks, begun)
                results = run_rounds(server.channels, tasks, {name: one.run for name, one in begun.items()})
            except BrokenChannel as error:
                server.close()
                raise BrokenChannel(f"{error}; {_last_line(job.exception())}") from error
            server.close()  # a task that Spark starts again now must not wait for an answer
            lost = job.exception()
        if lost is not None:  # after it had answered, and perhaps before it had saved
            raise BrokenChannel(_last_line(lost)) from lost
        return begun, results

    def _begin(
        self, before: Mapping[str, int | None], messages: Sequence[ParsedMessage], heartbeat: Heartbeat | None
    ) -> dict[str, BegunBatch]:
        of_tenants: dict[str, list[ParsedMessage]] = {name: [] for name in before}
        for message in messages:
            of_tenants[message.tenant].append(message)
        has_all = self._options.source.has_all(len(messages))
        until = heartbeat.at if heartbeat else None
        return {name: self._drivers[name].begin(of_tenants[name], until, has_all=has_all) for name in before}

    def _run_tasks(self, frame: "DataFrame", plan: BatchPlan, ended: Event) -> None:
        """Run the tasks until they have saved their states; all run at the same time, as many as there are cores."""
        try:
            rows = self._options.source.rows(frame, self._options.tenants, self._tasks)
            rows.mapPartitionsWithIndex(lambda task, found: serve_shards(task, found, plan)).collect()
        finally:
            ended.set()


def numbered(messages: Sequence[ParsedMessage], batch: int) -> list[ParsedMessage]:
    """Give each file the number that follows from its path among those of its batch."""
    paths = sorted(one.place for one in messages if isinstance(one.place, str))
    numbers = {path: batch * MOST_FILES + place for place, path in enumerate(paths)}

    def with_number(one: ParsedMessage) -> ParsedMessage:
        if isinstance(one.place, int):
            return one
        number = numbers[one.place]
        message = one.head.message._replace(sequence_number=number, offset=str(number))
        return one._replace(head=one.head._replace(message=message))

    return [with_number(one) for one in messages]


def _summary(begun: Mapping[str, BegunBatch], results: Mapping[str, BatchResult]) -> dict[str, int]:
    """Return the numbers of a batch that stand in the log."""
    fresh = [message for one in begun.values() for message in one.fresh]
    evaluations = [evaluation for one in results.values() for evaluation in one.evaluations]
    return {
        "tenants": len(begun),
        "messages": len(fresh),
        "records": sum(one.records for one in fresh),
        "rejected": sum(reject.records for one in fresh for reject in one.rejects),
        "evaluations": len(evaluations),
        "alerts": sum(len(one.alerts) for one in evaluations),
    }
