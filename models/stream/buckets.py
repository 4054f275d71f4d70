"""Open buckets: records come in, in any order; whole identity-buckets go out once the watermark has passed.

Joins records to operations and operations to cells, so that the detectors see neither. Also remembers, for a day,
which cells were closed, so that what comes late is told apart from what comes twice. Judging is left to others.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

from models.stream.cells import ActorBucket, Crowd
from models.stream.closed import ClosedCells
from models.stream.drafts import ActorDraft, CellDraft
from models.stream.events import ActivityEvent, Outcome
from models.stream.json_value import Json
from models.stream.operations import ATTEMPTED, Operation, RecordResult, bit
from models.stream.restoring import Restoring
from models.stream.rows import UnexpectedRow, fields
from models.stream.steps import Steps, finish
from models.stream.unread import RowsLater
from models.stream.windows import EPOCH, Bucket

ACTORS_A_STEP = 1_000  # identities that are assembled or settled in one step


class Limits(NamedTuple):
    """Bounds on what is held open.

    `actions` an identity and bucket, `operations` a cell; `unfinished` operations remembered after their bucket
    has closed, in case their end comes later.
    """

    actions: int = 2_000
    operations: int = 256
    unfinished: int = 200_000


class OpenBuckets:
    """Everything that may still change.

    Parameters
    ----------
    width
        Length of a bucket.
    horizon
        How long after its bucket an event is still judged; older ones are only counted.
    limits
        Bounds on memory.
    """

    def __init__(self, width: timedelta, horizon: timedelta, limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
        self.width = width
        self.horizon = horizon
        self.limits = limits
        self._evicted = 0
        self._seconds = width.total_seconds()
        self._closed_below = 0
        # The last bucket looked up: events mostly come in order, and comparing is cheaper than dividing.
        self._near = (EPOCH, EPOCH, 0)
        self._ripe_from: datetime | None = None
        self._open: dict[int, dict[str, ActorDraft]] = {}
        self._assembled: dict[int, tuple[list[ActorBucket], Crowd]] = {}
        self._operations: dict[str, Operation] = {}
        self._unfinished: dict[int, list[str]] = {}
        self._closed = ClosedCells()
        self._restoring = self._nothing_to_restore()

    def observe(self, event: ActivityEvent) -> RecordResult:
        """Add one record; repeating one changes nothing, and within the allowed lateness neither does their order."""
        start, end, number = self._near
        if not start <= event.time < end:
            number = int(event.time.timestamp() // self._seconds)
            bucket = self.bucket(number)
            self._near = (bucket.start, bucket.end, number)
        late = number < self._closed_below
        if late and (refused := self._refuse_late(event, number)):
            return refused
        if self._restoring.pending:
            self._restoring.read(event.actor.id)
        key = f"{event.actor.id}\x1f{event.operation}"
        operation = self._operations.get(key)
        if operation is None:
            operation = Operation(key, event, number)
            if not self._place(operation, number):
                return RecordResult.SATURATED
            self._operations[key] = operation
            return RecordResult.LATE if late else RecordResult.OPERATION
        if self._merge(operation, event, number):
            return RecordResult.LATE if late else RecordResult.RECORD
        repeated = late or event in (operation.first, operation.end)
        return RecordResult.DUPLICATE if repeated else RecordResult.RECORD

    def _refuse_late(self, event: ActivityEvent, number: int) -> RecordResult | None:
        """Return why a record of a closed bucket is not to be judged; None if it is."""
        if number < self._closed_below - self.horizon // self.width:
            return RecordResult.TOO_LATE
        learnt = self._closed.of(number, event.actor.id).get(event.action)
        if learnt is not None and (event.outcome is Outcome.STARTED or learnt & bit(event.outcome)):
            return RecordResult.DUPLICATE
        return None

    def _merge(self, operation: Operation, event: ActivityEvent, number: int) -> bool:
        action = operation.first.action
        stays = operation.begun_at == number and operation.ended_at in (None, number) and event.action == action
        if stays and not operation.attempt_learnt:
            # Most begin and end in one bucket, and stay there.
            news = operation.merge(event, number)
            if news:
                self._changed(operation, number)
            return news
        before = operation.buckets()
        if not operation.merge(event, number):
            return False
        # Its cells are those of the action of its earliest record, should two records with one name differ in it.
        after = operation.buckets()
        kept_there = before & after if operation.first.action == action else set()
        for same in kept_there:
            self._changed(operation, same)
        if kept_there == before == after:
            return True
        for stale in before - kept_there:
            self._remove(operation, action, stale)
        kept = [self._place(operation, fresh) for fresh in after - kept_there]
        if not all(kept) and not self._held_open(operation):
            self._operations.pop(operation.key, None)
        return True

    def _place(self, operation: Operation, number: int) -> bool:
        """Put an operation into its cell; returns whether it is still there when the bounds have been kept."""
        draft = self._draft_of(operation.first, number)
        if draft is None:
            return False
        for pruned in draft.add(operation, number):
            self._release(pruned, number)
        return operation.key in draft.entries

    def _draft_of(self, event: ActivityEvent, number: int) -> CellDraft | None:
        """Return the open cell of an event, a new one if need be; None if its identity has too many actions."""
        actors = self._open.get(number)
        if actors is None:
            actors = self._open[number] = {}
            self._ripe_from = None
        cells = actors.get(event.actor.id)
        if cells is None:
            cells = actors[event.actor.id] = ActorDraft(self.limits.actions)
        draft = cells.entries.get(event.action)
        if draft is None:
            if not cells.admits(event.action):
                self._evicted += 1
                return None
            draft = CellDraft(self.limits.operations)
            for dropped in cells.put(event.action, draft):
                self._evict(dropped, number)
            if event.action not in cells.entries:
                draft = None
        cells.assembled = None
        return draft

    def _evict(self, dropped: CellDraft, number: int) -> None:
        self._evicted += 1
        for operation in dropped.entries.values():
            self._release(operation, number)

    def _held_open(self, operation: Operation) -> bool:
        actor, action = operation.first.actor.id, operation.first.action
        for number in operation.buckets():
            cells = self._open.get(number, {}).get(actor)
            draft = None if cells is None else cells.entries.get(action)
            if draft is not None and operation.key in draft.entries:
                return True
        return False

    def _release(self, operation: Operation, number: int) -> None:
        # One that spans two buckets may have been dropped from the other before.
        if operation.buckets() <= {number} or not self._held_open(operation):
            self._operations.pop(operation.key, None)

    def _changed(self, operation: Operation, number: int) -> None:
        cells = self._open.get(number, {}).get(operation.first.actor.id)
        if cells is not None:
            cells.changed(operation.first.action)

    def _remove(self, operation: Operation, action: str, number: int) -> None:
        actor = operation.first.actor.id
        actors = self._open.get(number, {})
        if actor not in actors or action not in actors[actor].entries:
            return
        cells = actors[actor]
        cells.changed(action)
        draft = cells.entries[action]
        draft.entries.pop(operation.key, None)
        if draft.empty:
            del cells.entries[action]
        if not cells.entries:
            del actors[actor]
        if not actors:
            del self._open[number]
            self._assembled.pop(number, None)
            self._ripe_from = None

    def bucket(self, number: int) -> Bucket:
        """Return the bucket of that number."""
        return Bucket(EPOCH + number * self.width, self.width)

    def peek(self, since: datetime) -> Iterator[tuple[list[ActorBucket], Crowd]]:
        """Yield what is in each open bucket that ends after `since`, oldest first, changing nothing.

        What has not changed since the last time is the same object.
        """
        return (peeked for peeked in self.peek_steps(since) if peeked is not None)

    def peek_steps(self, since: datetime) -> Iterator[tuple[list[ActorBucket], Crowd] | None]:
        """Do what `peek` does in steps: None between them, when the caller may do something else."""
        yield from self._restoring.read_steps()
        for number in sorted(self._open):
            if self.bucket(number).end > since:
                yield (yield from self._assembling(number))

    @property
    def closed_until(self) -> datetime:
        """End of the last stretch that was closed; nothing on time will come from before."""
        return self.bucket(self._closed_below).start

    def ripe(self, watermark: datetime) -> bool:
        """Whether `close` has anything to do."""
        if self._ripe_from is None:  # asked after every message: reset by whatever changes it
            held = chain(self._open, self._restoring.numbers)
            self._ripe_from = self.bucket(min(chain((self._closed_below,), held))).end
        return watermark >= self._ripe_from

    def close(self, watermark: datetime) -> Iterator[tuple[list[ActorBucket], Crowd]]:
        """Yield each bucket that ends at or before `watermark`, oldest first, and never again.

        Closed are buckets, not identities: the whole bucket is out before the next one, so that all of it can be
        judged before any of it is learnt.
        """
        return (closed for closed in self.close_steps(watermark) if closed is not None)

    def close_steps(self, watermark: datetime) -> Iterator[tuple[list[ActorBucket], Crowd] | None]:
        """Do what `close` does in steps: None between them, when the caller may do something else.

        Until the last step nothing may be observed, peeked at or dumped.
        """
        limit = int(watermark.timestamp() // self._seconds)
        self._ripe_from = None
        yield from self._restoring.read_steps()
        for number in sorted(number for number in self._open if number < limit):
            assembled = yield from self._assembling(number)
            yield from self._settling(number)
            yield assembled
        if limit > self._closed_below:
            self._closed_below, self._ripe_from = limit, None
            self._forget(limit - self.horizon // self.width)

    def _assembling(self, number: int) -> Steps[tuple[list[ActorBucket], Crowd]]:
        bucket = self.bucket(number)
        late = number < self._closed_below
        buckets = []
        changed = 0
        actors = self._open[number]
        for actor_id in sorted(actors):
            drafts = actors[actor_id]
            seen = drafts.assembled
            if seen is None:
                seen = drafts.assemble(bucket, number, self._closed.of(number, actor_id) if late else None)
                changed += 1
                if changed % ACTORS_A_STEP == 0:
                    yield
                if seen is None:
                    continue
            buckets.append(seen)
        before = self._assembled.get(number)
        if before is not None and not changed and len(before[0]) == len(buckets):
            return before
        yield
        after = self._assembled[number] = buckets, Crowd.of(buckets)
        return after

    def _settling(self, number: int) -> Iterator[None]:
        self._assembled.pop(number, None)
        unfinished = self._unfinished.setdefault(number, [])
        actors = self._open[number]
        for at in range(len(actors), 0, -1):
            # One by one: to free a hundred thousand at once would be a long step, too.
            actor_id, drafts = actors.popitem()
            if at % ACTORS_A_STEP == 0:
                yield
            known: dict[str, int] = {}
            judged = drafts.sample()
            bounded = judged is not drafts.entries
            for action, draft in drafts.entries.items():
                if bounded and action not in judged:
                    self._evict(draft, number)
                    continue
                known[action] = draft.flags(number) | ATTEMPTED
                for key, operation in draft.entries.items():
                    operation.attempt_learnt |= operation.begun_at <= number
                    operation.end_learnt |= operation.ended_at is not None and operation.ended_at <= number
                    if operation.end_learnt:
                        self._operations.pop(key, None)
                    else:
                        unfinished.append(key)
            self._closed.add(number, actor_id, known, again=number < self._closed_below)
        del self._open[number]
        self._ripe_from = None
        self._bound_unfinished()

    def _bound_unfinished(self) -> None:
        while sum(map(len, self._unfinished.values())) > self.limits.unfinished:
            oldest = min(number for number, keys in self._unfinished.items() if keys)
            self._evicted += self._drop(self._unfinished.pop(oldest))

    def _drop(self, keys: Iterable[str]) -> int:
        # One may be named twice: of two actions, should two records with one name differ in it.
        found = [self._operations[key] for key in dict.fromkeys(keys) if key in self._operations]
        # One whose end is in an open bucket is no longer unfinished; closing that bucket forgets it.
        dropped = [operation for operation in found if not self._held_open(operation)]
        for operation in dropped:
            del self._operations[operation.key]
        return len(dropped)

    @property
    def evicted(self) -> int:
        """How many cells and operations had to go, or could not be read when they were asked for."""
        return self._evicted + self._restoring.lost + self._closed.lost

    def held(self) -> int:
        """Return how many operations are held."""
        return len(self._operations) + self._restoring.operations

    def _forget(self, oldest: int) -> None:
        self._closed.forget(oldest)
        for number in [number for number in self._unfinished if number < oldest]:
            self._drop(self._unfinished.pop(number))

    def dump(self) -> Iterator[tuple[str, Json]]:
        """Yield ``(table, row)`` in a stable order; operations come before the cells that hold them."""
        yield from self.dump_open()
        yield from self.dump_closed()

    def dump_open(self) -> Iterator[tuple[str, Json]]:
        """Yield the rows of `dump` that may change with every record; reads at once what was to be read later."""
        finish(self._restoring.read_steps())
        yield "head", {"closed_below": self._closed_below, "evicted": self.evicted}
        for _, operation in sorted(self._operations.items()):
            yield "operation", operation.row()
        for number, actors in sorted(self._open.items()):
            for actor, cells in sorted(actors.items()):
                for action, draft in sorted(cells.entries.items()):
                    place: dict[str, Json] = {"bucket": number, "actor": actor, "threshold": cells.threshold}
                    yield "cell", {**place, "action": action, "draft": draft.row()}
        for number, keys in sorted(self._unfinished.items()):
            yield "unfinished", {"bucket": number, "operations": list[Json](sorted(keys))}

    def dump_closed(self) -> Iterator[tuple[str, Json]]:
        """Yield the rows of `dump` that only change when buckets are closed."""
        for row in self._closed.dump():
            yield "closed", row

    def load(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Replace everything by what `dump` gave; a row may stand for a block of them, which is then read later."""
        self._operations, self._open, self._unfinished, self._assembled = {}, {}, {}, {}
        self._ripe_from = None
        self._closed, self._restoring = ClosedCells(), self._nothing_to_restore()
        for table, row in rows:
            match table:
                case "operation":
                    self._restoring.take_operations(row)
                case "cell":
                    self._restoring.take_cells(row)
                case "closed":
                    self._closed.take(row)
                case _:
                    for one in row.read() if type(row) is RowsLater else [row]:
                        self._load_row(table, one)
        if not self._restoring.in_order or not self._closed.in_order:
            finish(self.restore_steps())

    def _load_row(self, table: str, row: Any) -> None:
        match table:
            case "head":
                self._closed_below, self._evicted = fields("head", row, "closed_below", "evicted")
            case "unfinished":
                number, keys = fields("unfinished", row, "bucket", "operations")
                self._unfinished[number] = list(keys)
            case _:
                raise UnexpectedRow(f"unknown table {table!r}")

    def restore_steps(self) -> Steps[None]:
        """Read in steps what was loaded and has not been asked for yet; what needs some of it reads that by itself."""
        yield from self._restoring.read_steps()
        yield from self._closed.restore_steps()

    def _nothing_to_restore(self) -> Restoring:
        return Restoring(self._operations, self._open, self.limits.actions, self.limits.operations)
