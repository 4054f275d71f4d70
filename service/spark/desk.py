"""What there is one of for each tenant of a job: its driver, its messages to people, and its calendar.

A batch counts as soon as this is saved, in one piece with the messages that are to be sent; then they are sent. What
was sent is saved with the next batch: after a crash between the two it is sent again under the same id.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from itertools import chain
from pathlib import Path

from models.stream import Json, fields
from service.clock import SystemClock
from service.core.alerting import Suppressions
from service.core.engine import Evaluation
from service.core.outbox import Outbox
from service.core.verdicts import Verdicts, read_journal
from service.delivery import Delivery, Dispatcher, Route
from service.shards import BatchRun, Head, OtherShard
from service.sinks import KINDS, build_sink
from service.spark.calendar import Calendar, moments_of
from service.spark.tenants import Tenant, states_of
from service.spark.worker import MessagePlace
from service.storage import BEFORE_THE_FIRST, ShardStates
from service.wiring import build_driver, build_verdict_store, open_suppressions

DELIVER_WITHIN = 20.0
"""Seconds that messages may take after each batch; what is left is tried again after the next one."""

_log = logging.getLogger("unwonted.spark")


class Desk:
    """The driver of one tenant.

    Parameters
    ----------
    tenant
        Whose it is.
    shards
        How many there are.
    folder
        Where the states of all tenants are.
    """

    def __init__(self, tenant: Tenant, shards: int, folder: Path) -> None:
        self.tenant = tenant
        self.states = ShardStates(states_of(folder, tenant.name))
        self._shards = shards
        self._clock = SystemClock()
        self._outbox = Outbox()
        self._calendar = Calendar()
        self._after: int | None = None
        self._driver = build_driver(tenant.settings, shards)
        self._watch = open_suppressions(tenant.settings, self._clock)

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
                f"{self.tenant.name}: batch {number} comes next by the checkpoint, and the states were parted anew:"
                " begin with a new checkpoint"
            )
        self._load(newest)
        return True, newest

    def _load(self, batch: int | None) -> None:
        if batch is None:
            self._driver, self._outbox = build_driver(self.tenant.settings, self._shards), Outbox()
            self._calendar, self._after = Calendar(), None
        elif batch != self._after:
            rows = self.states.read_driver(batch)
            self._driver.load(rows)
            others = {section: row for section, row in rows if section in {"outbox", "job"}}
            self._outbox, self._calendar = Outbox(), Calendar()
            if "outbox" in others:
                self._outbox.load(others["outbox"])
            if "job" in others:
                (due,) = fields("job", others["job"], "due")
                self._calendar = Calendar(datetime.fromisoformat(due) if due else None)
            self._after = batch

    def begin(
        self, heads: Sequence[Head], heartbeat: datetime | None, *, caught_up: bool
    ) -> tuple[BatchRun, dict[MessagePlace, int], datetime]:
        """Begin a batch: return its run, the place of each message in it, and a time that depends on it alone."""
        self._after = None  # what is here is no longer the state after any batch
        self._driver.suppress(self._suppressions())
        self._driver.accept(self._verdicts())
        self._driver.expect({head.message.partition for head in heads})
        positions = {name: one.sequence_number for name, one in self._driver.positions.items()}
        moments, self._calendar = moments_of(
            heads,
            self._calendar,
            self.tenant.settings.schedule.every,
            positions=positions,
            heartbeat=heartbeat,
            caught_up=caught_up,
        )
        places = {
            (one.message.partition, one.message.sequence_number): place
            for place, one in enumerate(moments)
            if isinstance(one, Head)
        }
        at = max((head.message.enqueued_time for head in heads), default=self._driver.watermark.time)
        return self._driver.batch(moments), places, at

    def commit(self, number: int, evaluations: Sequence[Evaluation], at: datetime) -> None:
        """Save what a batch came to, by which it counts, then send; the batch before it is kept, and none older."""
        asyncio.run(self._tell(evaluations, lambda: self._save(number, at)))

    def send(self) -> None:
        """Send what waits."""
        asyncio.run(self._tell((), lambda: None))

    def _save(self, number: int, at: datetime) -> None:
        rows = chain(self._driver.dump(), [("outbox", self._outbox.dump()), ("job", self._row())])
        self.states.write_driver(number, rows, at)
        self._after = number
        self.states.forget_before(number - 1)

    def _row(self) -> dict[str, Json]:
        return {"due": self._calendar.due.isoformat() if self._calendar.due else None}

    async def _tell(self, evaluations: Sequence[Evaluation], save: Callable[[], None]) -> None:
        settings = self.tenant.settings
        alerts = [alert for one in evaluations for alert in one.alerts]
        notices = [notice for one in evaluations for notice in one.answered]
        names = [name for name, one in sorted(settings.sinks.items()) if one.enabled]
        if not alerts and not notices and not any(map(self._outbox.waiting, names)):
            save()
            return
        sinks = [build_sink(name, settings.sinks[name], self._clock) for name in names]
        routes = [
            Route(
                sink,
                KINDS[settings.sinks[name].kind].pace,
                settings.sinks[name].min_severity,
                verdicts=settings.sinks[name].verdicts,
            )
            for name, sink in zip(names, sinks, strict=True)
        ]
        dispatcher = Dispatcher(
            self._outbox,
            routes,
            clock=self._clock,
            jitter=random.random,
            on_settled=_noted_with_the_next_batch,
            observer=self._note_delivery,
        )
        try:
            dispatcher.submit(alerts)
            dispatcher.notify(notices)
            save()
            dispatcher.wake()
            running = asyncio.ensure_future(dispatcher.run())
            await self._clock.sleep(0.0)
            await dispatcher.flush(DELIVER_WITHIN)
            await running
        finally:
            for sink in sinks:
                await sink.close()

    def _note_delivery(self, delivery: Delivery) -> None:
        level = logging.INFO if delivery.outcome == "sent" else logging.WARNING
        told = self.tenant.name, delivery.sink, delivery.message_id, delivery.outcome, delivery.reason
        _log.log(level, "%s: sinks.%s: %s %s (%s)", *told)

    def _suppressions(self) -> Suppressions:
        if self._watch is None:
            return Suppressions()
        looked = self._watch.look()
        for line in looked.problems:
            _log.error("%s: suppressions.file: %s", self.tenant.name, line)
        return looked.suppressions

    def _verdicts(self) -> Verdicts:
        async def read() -> Verdicts:
            async with AsyncExitStack() as resources:
                store = build_verdict_store(self.tenant.settings, resources)
                return Verdicts(read_journal(await store.read()).verdicts)

        return asyncio.run(read())


async def _noted_with_the_next_batch() -> None:
    """What was sent is saved with the next batch."""
