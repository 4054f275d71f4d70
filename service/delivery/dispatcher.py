"""Takes messages from the outbox to their sinks, one task a sink, each at its own pace.

When to try and when to give up is for the outbox to decide, what an answer means for the sink; this module waits,
sends, and reports each attempt and each end to one observer, which makes metrics and log lines of it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from models.statistics import Severity
from models.stream import Steps, finish
from service.core.alerting import Alert, by_urgency, digest, urgency
from service.core.notices import AnyNotice
from service.core.outbox import Outbox, Undeliverable
from service.core.ports import Clock, Pace, Receipt, Rendered, Sink
from service.core.verdicts import VerdictNotice
from service.delivery.undeliverable import UndeliverableWriter, unrenderable, untold
from service.waiting import end, within

SETTLE_SECONDS = 5.0
SEND_WITHIN = 60.0
"""Seconds that one attempt may take, whatever deadlines of its own a sink has."""
_STEP = 50
"""Alerts rendered without a pause."""

UNTOLD = 1_000
"""Alerts of one evaluation that are kept whole when a sink is told of them by their number alone; others are listed."""

NOTICE_URGENCY = 1e6  # that one is blind goes before everything that one sees

DeliveryOutcome = Literal["sent", "retry", "refused", "broken", "expired", "overflowed", "orphaned"]


class Route(NamedTuple):
    """A sink, and what it is told.

    Attributes
    ----------
    pace
        How fast it may be spoken to.
    least
        The least severity that it wants to hear of.
    notices, verdicts
        Whether it wants to hear of coverage gaps; and of what the alerts that it was told of were found to be.
    """

    sink: Sink
    pace: Pace = Pace()
    least: Severity = Severity.INFORMATIONAL
    notices: bool = True
    verdicts: bool = True

    def wants(self, notice: AnyNotice) -> bool:
        """Whether it is told of `notice`."""
        if isinstance(notice, VerdictNotice):
            return self.verdicts and notice.severity.rank >= self.least.rank
        return self.notices


class Delivery(NamedTuple):
    """One thing that happened to one message; made for metrics and logs.

    Attributes
    ----------
    sink
        Name of the sink.
    outcome
        The receipt's, or how the message ended without one: see `service.core.outbox.Undeliverable`.
    reason
        Short, few in kind, free of secrets and of names.
    seconds
        How long the attempt took; 0 without one.
    attempts
        How often the message has been tried so far.
    message_id
        Deterministic id, the same on each attempt.
    alerts
        ``(alert id, revision)`` of each alert in it.
    broken
        Whether the sink is broken now.
    """

    sink: str
    outcome: DeliveryOutcome
    reason: str
    seconds: float
    attempts: int
    message_id: str
    alerts: tuple[tuple[str, int], ...]
    broken: bool


class Dispatcher:
    """Delivers what the outbox holds, at least once, until told to stop.

    Parameters
    ----------
    outbox
        What is to be sent; this object is the only one that records attempts in it.
    routes
        The sinks, each with its pace.
    clock
        Tells the time and waits.
    jitter
        Gives random numbers in [0, 1).
    on_settled
        Awaited when messages have been settled and nothing more is due at once (every few seconds in a long run of
        them): the time to save a snapshot, so that a restart does not send them again.
    observer
        Called with each `Delivery`; must not raise.
    on_below_severity
        Called with the number of alerts that were not severe enough for a sink.
    on_digested
        Called with a sink's name and the number of alerts that it was told of by their number alone.
    undeliverable
        Takes what will not be delivered any more, without making anybody wait; None lets it go.

    Notes
    -----
    The order that makes it at-least-once: `submit` puts messages into the outbox; the caller saves a snapshot and
    calls `wake` with the mark it saved; only then are they sent; then `on_settled`.
    """

    def __init__(
        self,
        outbox: Outbox,
        routes: Sequence[Route],
        *,
        clock: Clock,
        jitter: Callable[[], float],
        on_settled: Callable[[], Awaitable[None]],
        observer: Callable[[Delivery], None],
        on_below_severity: Callable[[int], None] = lambda count: None,
        on_digested: Callable[[str, int], None] = lambda sink, count: None,
        undeliverable: UndeliverableWriter | None = None,
    ) -> None:
        self._outbox = outbox
        self._on_below_severity = on_below_severity
        self._on_digested = on_digested
        self._routes = tuple(routes)
        self._clock = clock
        self._jitter = jitter
        self._on_settled = on_settled
        self._observer = observer
        self._undeliverable = undeliverable
        self._awake = {route.sink.name: asyncio.Event() for route in self._routes}
        self._tasks: list[asyncio.Task[None]] = []
        self._writing: asyncio.Task[None] | None = None
        self._draining = False

    def submit(self, alerts: Sequence[Alert]) -> int:
        """Render `alerts` for each sink into the outbox, without sending; return the number of messages.

        The most urgent come first. Of more than a sink is told at once, the rest becomes one digest, and goes to the
        dead letter.
        """
        return finish(self.submit_steps(alerts))

    def submit_steps(self, alerts: Sequence[Alert]) -> Steps[int]:
        """Do what `submit` does in steps."""
        now = self._now()
        count = 0
        ranked = by_urgency(alerts)
        for route in self._routes:
            wanted = [alert for alert in ranked if alert.severity.rank >= route.least.rank]
            if len(wanted) < len(alerts):
                self._on_below_severity(len(alerts) - len(wanted))
            told = len(wanted) if len(wanted) <= route.pace.at_once + 1 else route.pace.at_once
            for start in range(0, told, _STEP):
                count += self._render(route, wanted[start : min(told, start + _STEP)], now)
                if told > _STEP:
                    yield
            if rest := wanted[told:]:
                count += self._render(route, [digest(rest)], now)
                self._keep_untold(route, rest)
        return count

    def notify(self, notices: Sequence[AnyNotice]) -> int:
        """Do for notices what `submit` does for alerts, for each sink that wants them; verdicts come after all else."""
        now = self._now()
        wanted = [(route, notice) for notice in notices for route in self._routes if route.wants(notice)]
        for route, notice in wanted:
            urgent = 0.0 if isinstance(notice, VerdictNotice) else NOTICE_URGENCY
            try:
                message = route.sink.render_notice(notice)
            except Exception as error:  # noqa: BLE001 - as in `_rendered`
                self._give_up(unrenderable(route.sink.name, notice, error))
            else:
                self._enqueue(route, message, now, urgent)
        return len(wanted)

    def _render(self, route: Route, alerts: Sequence[Alert], now: datetime) -> int:
        known = {(alert.id, alert.revision): alert for alert in alerts}
        messages = self._rendered(route, alerts)
        for message in messages:
            told = [known[one] for one in message.alerts if one in known]
            self._enqueue(route, message, now, max(map(urgency, told), default=0.0))
            self._keep_untold(route, told[len(told) - message.hidden :])
        return len(messages)

    def _rendered(self, route: Route, alerts: Sequence[Alert]) -> list[Rendered]:
        """Return messages; what a sink fails at is tried alone, and if it fails again, given up alone."""
        try:
            return route.sink.render(alerts)
        except Exception as error:  # noqa: BLE001 - a sink's bug must end neither an evaluation nor the service
            if len(alerts) > 1:
                return [message for alert in alerts for message in self._rendered(route, [alert])]
            self._give_up(unrenderable(route.sink.name, alerts[0], error))
            return []

    def _enqueue(self, route: Route, message: Rendered, now: datetime, urgency: float) -> None:
        displaced = self._outbox.enqueue(route.sink.name, message, now, urgency)
        if displaced is not None:
            self._give_up(displaced)

    def _keep_untold(self, route: Route, alerts: Sequence[Alert]) -> None:
        if alerts:
            self._on_digested(route.sink.name, len(alerts))
        if self._undeliverable is not None:
            for letter in untold(route.sink.name, alerts, whole=UNTOLD):
                self._undeliverable.put(letter)

    def _now(self) -> datetime:
        """Return the present, with the outbox on the same calendar: what waits expires by the time that passes."""
        now = self._clock.now()
        self._outbox.follow(self._clock.jumped())
        return now

    def wake(self, mark: int | None = None) -> None:
        """Send what was enqueued up to `mark` (all, if None): it is in a safe snapshot now."""
        self._outbox.confirm(mark)
        for event in self._awake.values():
            event.set()

    async def run(self) -> None:
        """Deliver until cancelled, or until `flush` has finished."""
        for orphan in self._outbox.retain(route.sink.name for route in self._routes):
            self._give_up(orphan)
        async with asyncio.TaskGroup() as tasks:
            if self._undeliverable is not None:
                self._writing = tasks.create_task(self._undeliverable.run(), name="undeliverable")
            self._tasks = [
                tasks.create_task(self._serve(route), name=f"sink {route.sink.name}") for route in self._routes
            ]

    async def flush(self, deadline_seconds: float) -> int:
        """Send what is due, for at most `deadline_seconds`, then let `run` end; return how much is left waiting.

        What is undeliverable is written in what remains of that time.
        """
        self._draining = True
        for event in self._awake.values():
            event.set()
        alarm = asyncio.ensure_future(self._clock.sleep(deadline_seconds))
        if self._tasks:
            drained = asyncio.ensure_future(asyncio.wait(self._tasks))
            await asyncio.wait((alarm, drained), return_when=asyncio.FIRST_COMPLETED)
            await end([*self._tasks, drained])
        if self._undeliverable is not None and self._writing is not None:
            written = asyncio.ensure_future(self._undeliverable.drain())
            await asyncio.wait((alarm, written, self._writing), return_when=asyncio.FIRST_COMPLETED)
            written.cancel()
            self._writing.cancel()
        alarm.cancel()
        return sum(self._outbox.waiting(route.sink.name) for route in self._routes)

    async def _serve(self, route: Route) -> None:
        name = route.sink.name
        gate = _Gate(route.pace, self._clock)
        unsaved_since: float | None = None
        while True:
            self._awake[name].clear()
            now = self._clock.elapsed()
            for expired in self._outbox.expire(name, self._now()):
                self._give_up(expired)
                unsaved_since = now if unsaved_since is None else unsaved_since
            due = self._outbox.due(name, self._now())
            shut = gate.seconds() if due else 0.0
            if unsaved_since is not None and (
                not due or shut > SETTLE_SECONDS or now - unsaved_since >= SETTLE_SECONDS
            ):
                unsaved_since = None
                await self._on_settled()
            elif due and not shut:
                gate.pass_through()
                settled = await self._deliver(route.sink, due[0])
                if settled and unsaved_since is None:
                    unsaved_since = self._clock.elapsed()
            elif due:
                await self._clock.sleep(shut)
            elif self._draining:
                return
            else:
                await self._wait_for_work(name)

    async def _deliver(self, sink: Sink, message: Rendered) -> bool:
        started = self._clock.elapsed()
        try:
            receipt = await within(self._clock, SEND_WITHIN, sink.send(message))
        except TimeoutError:
            receipt = Receipt("retry", "timeout")
        except Exception as error:  # noqa: BLE001 - a sink's bug must silence neither the other sinks nor the service
            receipt = Receipt("retry", f"bug_{type(error).__name__}")
        seconds = self._clock.elapsed() - started
        decision = self._outbox.record(sink.name, message.id, receipt, self._now(), self._jitter())
        self._tell(sink.name, receipt.outcome, receipt.reason, seconds, decision.attempts, message)
        if decision.undeliverable is not None:
            self._keep(decision.undeliverable)
        return decision.next_try is None

    def _give_up(self, one: Undeliverable) -> None:
        self._tell(one.sink, one.fate, one.reason, 0.0, one.attempts, one.message)
        self._keep(one)

    def _keep(self, one: Undeliverable) -> None:
        if self._undeliverable is not None:
            self._undeliverable.put(one)

    def _tell(
        self, sink: str, outcome: DeliveryOutcome, reason: str, seconds: float, attempts: int, message: Rendered
    ) -> None:
        broken = self._outbox.broken(sink) is not None
        self._observer(Delivery(sink, outcome, reason, seconds, attempts, message.id, message.alerts, broken))

    async def _woken(self, name: str) -> None:
        await self._awake[name].wait()

    async def _wait_for_work(self, name: str) -> None:
        waits = [asyncio.ensure_future(self._woken(name))]
        next_due = self._outbox.next_due(name)
        if next_due is not None:
            seconds = (next_due - self._now()).total_seconds()
            waits.append(asyncio.ensure_future(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


class _Gate:
    """Opens no more often than a pace allows."""

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self._pace = pace
        self._clock = clock
        self._opened: deque[float] = deque(maxlen=pace.per_hour or 1)

    def seconds(self) -> float:
        """Return how long it stays shut."""
        now = self._clock.elapsed()
        earliest = now
        if self._opened and self._pace.per_second:
            earliest = max(earliest, self._opened[-1] + 1 / self._pace.per_second)
        if self._pace.per_hour and len(self._opened) == self._pace.per_hour:
            earliest = max(earliest, self._opened[0] + 3600)
        return earliest - now

    def pass_through(self) -> None:
        """Note that a message goes out now."""
        self._opened.append(self._clock.elapsed())
