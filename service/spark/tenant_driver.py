"""What there is one of for each tenant of a job: its shards' driver, its messages to people, and its calendar.

A batch counts as soon as this is saved, in one piece with the messages that are to be sent; then they are sent. What
was sent is saved with the next batch: after a crash between the two it is sent again under the same id.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from structlog.contextvars import bound_contextvars

from models.stream import Json, fields
from service.clock import SystemClock
from service.core.alerting import Suppressions
from service.core.messages import EndOffset
from service.core.outbox import Outbox
from service.core.verdicts import Verdicts, read_journal
from service.shards import BatchResult, BatchRun, Driver, Head, OtherShard
from service.spark.calendar import Calendar, moments_of
from service.spark.messages import ParsedMessage
from service.spark.reporting import batch_events, is_set_aside
from service.spark.telling import Telling
from service.spark.tenants import Tenant, states_of
from service.storage import BEFORE_THE_FIRST, FileDeadLetterStore, RejectLetters, ShardStates
from service.telemetry import CoverageChecked, DeadLettersWritten, Telemetry, VerdictsLate
from service.wiring import build_coverage, build_driver, build_verdict_store, open_suppressions


class BegunBatch(NamedTuple):
    """A batch of one tenant.

    Attributes
    ----------
    run
        What asks the shards.
    places
        The place in the batch of each new message, by its origin.
    events
        What others have parsed of what each shard is to observe: the places of messages, and their events, packed.
    at
        A time that depends on the batch alone.
    messages, fresh
        How many there are, and those that had not been applied before.
    """

    run: BatchRun
    places: Mapping[tuple[int, int], int]
    events: Mapping[int, list[tuple[int, bytes]]]
    at: datetime
    messages: int
    fresh: Sequence[ParsedMessage]


class TenantDriver:
    """The driver of one tenant's shards, with what is durable of it and whom it tells.

    Parameters
    ----------
    tenant
        Whose it is.
    shards
        How many there are.
    folder
        Where the states of all tenants are.
    telemetry
        Where it reports what happens.
    is_live
        Whether records come as they are written, so that their absence or delay is a coverage gap.

    Attributes
    ----------
    tenant, for_executors
        Whose it is, and the same as executors are to know it.
    states
        Where what is durable is.
    """

    def __init__(self, tenant: Tenant, shards: int, folder: Path, telemetry: Telemetry, *, is_live: bool) -> None:
        self.tenant = tenant
        self.for_executors = tenant.for_executors()
        self.states = ShardStates(states_of(folder, tenant.name))
        self._shards = shards
        self._clock = SystemClock()
        self._emit = telemetry.emit
        self._is_live = is_live
        self._forget()
        self._watch = open_suppressions(tenant.settings, self._clock)
        letters = partial(FileDeadLetterStore, clock=self._clock, max_bytes=tenant.settings.dead_letter.max_bytes // 2)
        self._rejected = letters(self.states.folder / "rejected.ndjson", generations=1)
        self._undelivered = letters(self.states.folder / "undelivered.ndjson", generations=1)
        self._reject_letters = RejectLetters(self._rejected, self._clock)

    def _forget(self) -> None:
        """Be as before the first batch."""
        self._driver = build_driver(self.tenant.settings, self._shards)
        self._outbox, self._calendar = Outbox(), Calendar()
        self._coverage = build_coverage(self.tenant.settings)
        self._after: int | None = None

    def prepare(self, number: int) -> tuple[bool, int | None]:
        """Be as before batch `number`; return whether it is still to be done, and the batch whose states there are.

        Raises
        ------
        OtherShard
            What is saved is of another number of shards, or is not what came before this batch.
        OSError, ValueError
            What is saved cannot be read.
        """
        newest = self.states.newest()
        if newest == number:  # it was saved, and then something ended before Spark had noted that
            self._load(newest)
            return False, newest
        if newest not in {None, BEFORE_THE_FIRST, number - 1} or (newest is None and number > 0):
            found = "nothing" if newest is None else f"batch {newest}"
            raise OtherShard(
                f"{self.tenant.name}: batch {number} comes next by the checkpoint, and the states are after {found}:"
                " another job writes there, or one of the two was put back or deleted"
            )
        if newest == BEFORE_THE_FIRST and number > 0:
            raise OtherShard(
                f"{self.tenant.name}: batch {number} comes next by the checkpoint, and the states were parted again:"
                " begin with a new checkpoint"
            )
        self._load(newest)
        return True, newest

    def _load(self, batch: int | None) -> None:
        if batch is not None and batch == self._after:
            return
        self._forget()
        if batch is not None:
            rows = self.states.read_driver(batch)
            self._driver.load(rows)
            others = {section: row for section, row in rows if section in {"outbox", "coverage", "job"}}
            if "outbox" in others:
                self._outbox.load(others["outbox"])
            if "coverage" in others:
                self._coverage.load(others["coverage"])
            if "job" in others:
                (due,) = fields("job", others["job"], "due")
                self._calendar = Calendar(datetime.fromisoformat(due) if due else None)
            self._after = batch
        self._coverage.begin(self._driver.positions, self._clock.now())

    def begin(self, messages: Sequence[ParsedMessage], heartbeat: datetime | None, *, has_all: bool) -> BegunBatch:
        """Begin a batch.

        Parameters
        ----------
        messages
            All that it has of this tenant, in any order.
        heartbeat
            Until when the source has been read, if it knows that without messages.
        has_all
            Whether it has everything that was there.
        """
        self._after = None  # what is here is no longer the state after any batch
        driver = self._driver
        with bound_contextvars(tenant=self.tenant.name):
            driver.suppress(self._suppressions())
            if late := driver.accept(self._verdicts()):
                self._emit(VerdictsLate(late))
        heads = [one.head for one in messages]
        fresh = [one for one in messages if driver.is_new(one.head.message)]
        driver.expect({head.message.partition for head in heads})
        moments, self._calendar = moments_of(
            heads,
            self._calendar,
            self.tenant.settings.schedule.every,
            positions={name: one.sequence_number for name, one in driver.positions.items()},
            heartbeat=heartbeat,
            caught_up=has_all,
        )
        place_of = {
            (one.message.partition, one.message.sequence_number): place
            for place, one in enumerate(moments)
            if isinstance(one, Head)
        }
        places = {one.origin: place_of[one.head.message.partition, one.head.message.sequence_number] for one in fresh}
        events: dict[int, list[tuple[int, bytes]]] = {}
        for one in fresh:
            for shard, packed in one.events.items():
                events.setdefault(shard, []).append((places[one.origin], packed))
        if self._is_live:
            self._note_coverage(fresh, driver, has_all=has_all)
        at = max((head.message.enqueued_time for head in heads), default=driver.watermark.time)
        return BegunBatch(driver.batch(moments), places, events, at, len(messages), fresh)

    def _note_coverage(self, fresh: Iterable[ParsedMessage], driver: Driver, *, has_all: bool) -> None:
        """Note what was read: a number that is missing between two messages is one that the hub no longer had."""
        now, coverage = self._clock.now(), self._coverage
        last = {name: (one.sequence_number, one.enqueued_time) for name, one in driver.positions.items()}
        for one in sorted(fresh, key=lambda one: (one.head.message.partition, one.head.message.sequence_number)):
            head, message = one.head, one.head.message
            if is_set_aside(one):
                coverage.note_set_aside(message, now)
            coverage.note_message(
                message,
                records=head.records,
                newest=head.newest if head.records else None,
                unjudged=head.too_late,
                subscriptions=one.subscriptions,
                now=now,
            )
            last[message.partition] = message.sequence_number, message.enqueued_time
        if has_all:
            for partition, (number, enqueued) in last.items():
                coverage.note_end_offset(EndOffset(partition, number, enqueued, now))

    def commit(self, number: int, begun: BegunBatch, result: BatchResult, seconds: float) -> None:
        """Save what a batch came to, by which it counts, then send; the batch before it is kept, and none older.

        What the batch before sent is noted with it; `seconds` are what it took until now.
        """
        with bound_contextvars(tenant=self.tenant.name):
            asyncio.run(self._tell(result, lambda: self._save(number, begun.at)))
            for event in batch_events(begun.messages, begun.fresh, result, seconds):
                self._emit(event)
            if rejects := [reject for one in begun.fresh for reject in one.rejects]:
                asyncio.run(self._reject_letters.write(rejects))
                self._emit(DeadLettersWritten("rejected", self._rejected.written, self._rejected.dropped))

    def send(self) -> None:
        """Send what waits."""
        with bound_contextvars(tenant=self.tenant.name):
            asyncio.run(self._tell(BatchResult(0, Counter(), 0, []), lambda: None))

    def _save(self, number: int, at: datetime) -> None:
        rows = chain(self._driver.dump(), self._rows())
        self.states.write_driver(number, rows, at)
        self._after = number
        self.states.forget_before(number - 1)

    def _rows(self) -> Sequence[tuple[str, Json]]:
        due = self._calendar.due
        return (
            ("outbox", self._outbox.dump()),
            ("coverage", self._coverage.dump()),
            ("job", {"due": due.isoformat() if due else None}),
        )

    async def _tell(self, result: BatchResult, save: Callable[[], None]) -> None:
        alerts = [alert for one in result.evaluations for alert in one.alerts]
        answered = [notice for one in result.evaluations for notice in one.answered]
        gaps = self._coverage.check(self._clock.now()) if self._is_live else []
        telling = Telling(self.tenant.settings, self._outbox, self._undelivered, self._clock, self._emit)
        await telling.tell(alerts, [*gaps, *answered], save)
        if self._is_live:
            self._emit(CoverageChecked(gaps, self._coverage.open))

    def _suppressions(self) -> Suppressions:
        if self._watch is None:
            return Suppressions()
        looked = self._watch.look()
        self._emit(looked)
        return looked.suppressions

    def _verdicts(self) -> Verdicts:
        async def read() -> Verdicts:
            async with AsyncExitStack() as resources:
                store = build_verdict_store(self.tenant.settings, resources)
                return Verdicts(read_journal(await store.read()).verdicts)

        return asyncio.run(read())
