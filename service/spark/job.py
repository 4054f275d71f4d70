"""The job: a stream of messages, and for each batch one Spark job in which all shards answer the driver.

Spark reads, shuffles, and starts again what was lost; its checkpoint says which messages a batch has. A batch that is
run again goes on from the states before it, which are kept, and so comes to the same.
"""

import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

from service.shards import BatchResult, Head, OtherShard, Request
from service.spark.channel import BrokenChannel, Channel, Switchboard
from service.spark.desk import Desk
from service.spark.sources import FileInput, HubInput, StreamBatch
from service.spark.tenants import Home, Tenant, tasks_of
from service.spark.worker import BatchPlan, MissingState, ParsedMessage, ShardEvents, attend, parse_bodies

if TYPE_CHECKING:  # what a batch does with them is the same wherever they come from
    from pyspark.sql import DataFrame, SparkSession

BATCH_ATTEMPTS = 3
"""How often a batch is begun anew before the job ends, when executors are lost in it."""

_log = logging.getLogger("unwonted.spark")


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
    """

    tenants: Sequence[Tenant]
    source: FileInput | HubInput
    states: Path
    checkpoint: Path
    shards: int
    tasks: int = 0
    every: int = 0
    anomalies: Path | None = None


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
    """
    if session is None:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra

        session = SparkSession.builder.appName("unwonted").getOrCreate()
    session.sparkContext.setLogLevel("FATAL")
    job = Job(options, session)
    writer = (
        options.source.open(session, options.tenants)
        .writeStream.option("checkpointLocation", str(options.checkpoint))
        .foreachBatch(job.take)
    )
    trigger = {"processingTime": f"{options.every} seconds"} if options.every else {"availableNow": True}
    query = writer.trigger(**trigger).start()
    try:
        query.awaitTermination()
    except Exception as error:
        raise JobStopped(job.stopped or _first_line(error)) from error


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
    """

    def __init__(self, options: JobOptions, session: "SparkSession") -> None:
        self.stopped = ""
        self._options = options
        self._context = session.sparkContext
        self._tasks = options.tasks or min(self._context.defaultParallelism, len(options.tenants) * options.shards)
        self._desks = {tenant.name: Desk(tenant, options.shards, options.states) for tenant in options.tenants}

    def take(self, frame: "DataFrame", number: int) -> None:
        """Take a batch."""
        try:
            self._take(frame, number)
        except (JobStopped, OtherShard, MissingState, OSError, ValueError) as error:
            self.stopped = str(error)
            raise

    def _take(self, frame: "DataFrame", number: int) -> None:
        batch = self._options.source.batch(frame, number, self._options.tenants)
        try:
            self._attempts(batch, number)
        finally:
            batch.release()

    def _attempts(self, batch: StreamBatch, number: int) -> None:
        for attempt in range(1, BATCH_ATTEMPTS + 1):
            try:
                self._attempt(batch, number)
            except BrokenChannel as error:
                _log.warning("batch %d: attempt %d: %s", number, attempt, error)
                if attempt == BATCH_ATTEMPTS:
                    raise JobStopped(f"batch {number}: executors were lost {BATCH_ATTEMPTS} times: {error}") from error
            else:
                return

    def _attempt(self, batch: StreamBatch, number: int) -> None:
        before = dict[str, int | None]()
        for name, desk in self._desks.items():
            to_do, newest = desk.prepare(number)
            if to_do:
                before[name] = newest
            else:
                desk.send()
        if not before:
            return
        horizons = {name: desk.tenant.settings.windows.late_horizon for name, desk in self._desks.items()}
        wanted = frozenset(before)
        bodies = batch.bodies.filter(lambda body: body.tenant in wanted)
        parsed = bodies.mapPartitions(partial(parse_bodies, horizons=horizons, shards=self._options.shards)).persist()
        try:
            messages = parsed.filter(lambda one: isinstance(one, ParsedMessage)).collect()
            self._judge(batch, number, before, parsed, messages)
        finally:
            parsed.unpersist()

    def _judge(
        self,
        batch: StreamBatch,
        number: int,
        before: Mapping[str, int | None],
        parsed: Any,
        messages: Sequence[ParsedMessage],
    ) -> None:
        heads: dict[str, list[Head]] = {name: [] for name in before}
        for message in messages:
            heads[message.tenant].append(message.head)
        begun = {
            name: self._desks[name].begin(heads[name], batch.heartbeat, caught_up=batch.caught_up) for name in before
        }
        homes = tasks_of(sorted(before), self._options.shards, self._tasks)
        key, ended = secrets.token_bytes(32), Event()
        host = self._context.getConf().get("spark.driver.host", "localhost")
        # Tasks end when the switchboard does, and the thread when they have.
        with ThreadPoolExecutor(1) as aside, Switchboard(host, key, ended.is_set) as switchboard:
            plan = BatchPlan(
                number=number,
                before=before,
                tenants={name: self._desks[name].tenant.for_executors() for name in before},
                of=self._options.shards,
                homes=homes,
                places={name: places for name, (_, places, _) in begun.items()},
                states=self._options.states,
                anomalies=self._options.anomalies,
                at={name: at for name, (_, _, at) in begun.items()},
                address=switchboard.address,
                key=key,
            )
            job = aside.submit(self._run_tasks, parsed, plan, ended)
            try:
                switchboard.connect(self._tasks)
                runs = {name: run for name, (run, _, _) in begun.items()}
                results = _conversation(list(switchboard.channels.values()), homes, runs)
            except BrokenChannel as error:
                switchboard.close()
                raise BrokenChannel(f"{error}; {_last_line(job.exception())}") from error
            job.result()
        for name, result in results.items():
            self._desks[name].commit(number, result.evaluations, plan.at[name])
        _log.info("batch %d: %s", number, {name: result.fresh for name, result in results.items()})

    def _run_tasks(self, parsed: Any, plan: BatchPlan, ended: Event) -> None:
        """Run the tasks that shards are in, all at the same time, until they have saved their states."""
        homes, tasks = plan.homes, self._tasks
        events = parsed.filter(lambda one: isinstance(one, ShardEvents)).map(lambda one: (homes[one.home], one))
        in_tasks = events.partitionBy(tasks, lambda task: task)
        try:
            in_tasks.barrier().mapPartitionsWithIndex(
                lambda task, rows: attend(task, (row for _, row in rows), plan)
            ).collect()
        finally:
            ended.set()


def _conversation(
    channels: Sequence[Channel], homes: Mapping[Home, int], runs: Mapping[str, Any]
) -> dict[str, BatchResult]:
    """Take the batches of all tenants to their end at the same time: a round of requests serves every tenant."""
    ready = [_received(channel) for channel in channels]
    shards = 1 + max(home.shard for home in homes)
    results: dict[str, BatchResult] = {}
    asked: dict[str, Request] = {name: next(run) for name, run in runs.items()}
    while asked:
        told = [{home.tenant: asked[home.tenant] for home in own if home.tenant in asked} for own in ready]
        for channel, requests in zip(channels, told, strict=True):
            channel.send(requests)
        answers: dict[Home, Any] = {}
        for channel in channels:
            answers.update(_received(channel))
        following: dict[str, Request] = {}
        for name in asked:
            try:
                following[name] = runs[name].send([answers[Home(name, shard)] for shard in range(shards)])
            except StopIteration as end:
                results[name] = end.value
        asked = following
    for channel in channels:
        channel.send(None)
    for channel in channels:
        _received(channel)
    return results


def _received(channel: Channel) -> Any:
    answer = channel.receive()
    if isinstance(answer, MissingState):
        raise answer
    return answer
