"""Messages that wait for their delivery, by sink, with their attempts: plain data that is kept in the snapshot.

Decides when a message may be tried, what an attempt's receipt means for it and for its sink, and when it is given up.
Sending, the clock and random numbers are the dispatcher's, which passes their results in.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import JsonValue

from service.core.outbox.queue import QUEUES, Queue, StoredOutbox, WaitingMessage
from service.core.outbox.values import Broken, Decision, Fate, Undeliverable
from service.core.ports import Receipt, Rendered
from service.core.validation import understood

LIFETIME = timedelta(hours=24)
CAPACITY = 1_000
FIRST_DELAY = 2.0
LONGEST_DELAY = 300.0
LONGEST_RETRY_AFTER = 3_600.0
PROBE_SECONDS = 600.0
TRIED_AGAIN_FOR = timedelta(hours=2)


class Outbox:
    """Messages on their way, by sink and message id.

    Parameters
    ----------
    lifetime
        How long after it was written a message is still worth delivering.
    capacity
        Messages a sink may have waiting; beyond it the least urgent makes room, of equals the oldest.

    Notes
    -----
    A retry waits ``jitter * min(300, 2 * 2**(n - 1))`` seconds after attempt n, with jitter between 0 and 1 (full
    jitter [1]_), and no less than a Retry-After of up to an hour. The sink as a whole pauses in the same way by its
    failures in a row, so that a receiver that is down is not asked once a message, while one poisonous message holds
    up nobody for long. A broken sink is probed with one message every ten minutes.

    References
    ----------
    .. [1] M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    def __init__(self, *, lifetime: timedelta = LIFETIME, capacity: int = CAPACITY) -> None:
        self._lifetime = lifetime
        self._capacity = capacity
        self._queues: dict[str, Queue] = {}
        self._number = 0
        self._jumped = timedelta(0)

    def follow(self, jumped: timedelta) -> None:
        """Move all times along with a clock that has been set by `jumped`, all in all, since this object was made."""
        by, self._jumped = jumped - self._jumped, jumped
        for queue in self._queues.values() if by else ():
            queue.move(by)

    @property
    def mark(self) -> int:
        """Number of the newest message: note it when dumping, hand it to `confirm` when the dump is safe."""
        return self._number

    def enqueue(self, sink: str, message: Rendered, now: datetime, urgency: float = 0.0) -> Undeliverable | None:
        """Take a message for `sink`; one whose id is waiting or was settled within its lifetime changes nothing.

        Returns the message that had to make room, if any; it may be the new one. That is not due before it is
        confirmed. The greater its urgency, the sooner it is tried; what waits with an older revision of one of its
        alerts becomes as urgent, so that revisions go out in their order.
        """
        queue = self._queues.setdefault(sink, Queue())
        _forget(queue.settled, now)
        if message.id in queue.rows or queue.settled.get(message.id, now) > now:
            return None
        self._number += 1
        if revised := {alert for alert, revision in message.alerts if revision > 1}:
            for row in queue.rows.values():
                if row.urgency < urgency and any(alert in revised for alert, _ in row.message.alerts):
                    row.urgency = urgency
        row = WaitingMessage(message, self._number, now, now + self._lifetime, now, urgency=urgency, durable=False)
        queue.rows[message.id] = row
        if len(queue.rows) <= self._capacity:
            return None
        least = min(queue.rows.values(), key=lambda row: (row.urgency, row.number))
        return self._give_up(sink, queue, least, "overflowed")

    def confirm(self, mark: int | None = None) -> None:
        """Note that messages up to `mark` (all, if None) are in a safe snapshot, and so may be sent."""
        for queue in self._queues.values():
            for row in queue.rows.values():
                row.durable = row.durable or mark is None or row.number <= mark

    def due(self, sink: str, now: datetime) -> list[Rendered]:
        """Return what may be tried now, the most urgent first; of a broken sink's messages one at a time.

        After a failure, until something succeeds, whatever has waited longest comes first instead: one message that the
        receiver can never take must not hold up the others, however urgent it is. But what follows an alert, and a
        later revision of it, waits for that to be told, or given up.
        """
        queue = self._queues.get(sink)
        if queue is None or (queue.pause_until is not None and now < queue.pause_until):
            return []
        ready = [row for row in queue.free() if row.next_try <= now < row.expires]
        if queue.failures:
            ready.sort(key=lambda row: (row.next_try, row.number))
        else:
            ready.sort(key=lambda row: (-row.urgency, row.number))
        return [row.message for row in (ready[:1] if queue.broken else ready)]

    def next_due(self, sink: str) -> datetime | None:
        """Return when `due` or `expire` will next have something to give; None if nothing is waiting."""
        queue = self._queues.get(sink)
        if queue is None or not queue.rows:
            return None
        tries = [row.next_try for row in queue.free()]
        ends = min(row.expires for row in queue.rows.values())
        if not tries:
            return ends
        return min(ends, max(min(tries), queue.pause_until) if queue.pause_until else min(tries))

    def record(self, sink: str, message_id: str, receipt: Receipt, now: datetime, jitter: float) -> Decision:
        """Take note of an attempt.

        Parameters
        ----------
        sink, message_id
            What was tried.
        receipt
            What became of it.
        now
            When it did.
        jitter
            A random number in [0, 1].
        """
        queue = self._queues.setdefault(sink, Queue())
        was_broken = queue.broken
        row = queue.rows.get(message_id)
        if row is not None:
            row.attempts += 1
            row.reason = receipt.reason
        attempts = row.attempts if row is not None else 0
        if receipt.outcome in {"sent", "refused"}:
            # A refusal is an answer, too: the address works.
            self._revive(queue, now)
            undeliverable = None
            if row is not None and receipt.outcome == "refused":
                undeliverable = self._give_up(sink, queue, row, "refused")
            queue.rows.pop(message_id, None)
            queue.settled[message_id] = now + self._lifetime
            return Decision(attempts, None, undeliverable)
        queue.failures += 1
        if receipt.outcome == "broken":
            queue.broken = was_broken._replace(reason=receipt.reason) if was_broken else Broken(now, receipt.reason)
            wait = pause = PROBE_SECONDS
        else:
            floor = min(max(receipt.retry_after or 0.0, 0.0), LONGEST_RETRY_AFTER)
            wait = max(floor, jitter * _ceiling(attempts))
            pause = max(floor, jitter * _ceiling(queue.failures))
        queue.pause_until = now + timedelta(seconds=pause)
        if row is not None:
            row.next_try = now + timedelta(seconds=wait)
        return Decision(attempts, row.next_try if row is not None else None)

    def expire(self, sink: str, now: datetime) -> list[Undeliverable]:
        """Give up what is past its lifetime."""
        queue = self._queues.get(sink)
        if queue is None:
            return []
        return [self._give_up(sink, queue, row, "expired") for row in list(queue.rows.values()) if row.expires <= now]

    def retain(self, sinks: Iterable[str]) -> list[Undeliverable]:
        """Forget all sinks but these; return what was still waiting for them."""
        kept = set(sinks)
        gone = [name for name in self._queues if name not in kept]
        given_up = [
            self._give_up(name, self._queues[name], row, "orphaned")
            for name in gone
            for row in list(self._queues[name].rows.values())
        ]
        for name in gone:
            del self._queues[name]
        return given_up

    def waiting(self, sink: str) -> int:
        """Return how many messages wait for `sink`."""
        queue = self._queues.get(sink)
        return len(queue.rows) if queue else 0

    def broken(self, sink: str) -> Broken | None:
        """Return since when and why `sink` is broken; None if it is not known to be."""
        queue = self._queues.get(sink)
        return queue.broken if queue else None

    def dump(self) -> dict[str, JsonValue]:
        """Return everything as plain JSON."""
        return {"number": self._number, "queues": QUEUES.dump_python(self._queues, mode="json")}

    def load(self, data: JsonValue) -> None:
        """Replace everything by what `dump` gave; what was dumped is durable by that.

        Raises
        ------
        UnexpectedRow
            If `data` is nothing that `dump` ever gave.
        """
        with understood("outbox"):
            stored = StoredOutbox.model_validate(data)
        self._number, self._queues = stored.number, stored.queues

    def resume(self, now: datetime) -> None:
        """Go on with what was loaded: whatever the clock says, it is tried in an hour, and given up after two."""
        latest = now + timedelta(seconds=LONGEST_RETRY_AFTER)
        for queue in self._queues.values():
            for row in queue.rows.values():
                row.created, row.next_try = min(row.created, now), min(row.next_try, latest)
                row.expires = min(max(row.expires, now + TRIED_AGAIN_FOR), now + self._lifetime)
            queue.pause_until = min(queue.pause_until, latest) if queue.pause_until else None

    def _give_up(self, sink: str, queue: Queue, row: WaitingMessage, fate: Fate) -> Undeliverable:
        del queue.rows[row.message.id]
        queue.settled[row.message.id] = row.created + self._lifetime
        return Undeliverable(sink, row.message, fate, row.reason, row.attempts)

    @staticmethod
    def _revive(queue: Queue, now: datetime) -> None:
        if queue.broken is not None:
            for row in queue.rows.values():
                row.next_try = min(row.next_try, now)
        queue.broken = None
        queue.failures = 0
        queue.pause_until = None


def _forget(settled: dict[str, datetime], now: datetime) -> None:
    """Drop what was settled long enough ago, from the front: they stand nearly in order of time; the rest can wait."""
    while settled and settled[oldest := next(iter(settled))] <= now:
        del settled[oldest]


def _ceiling(attempts: int) -> float:
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(max(attempts, 1) - 1, 30))
