"""Which rejects are written to the dead letter: a few of each batch, and no more than so many an hour.

Whoever may send to the hub can make us reject hundreds of thousands of records a second. Each is counted in the
metrics; written one by one they would rotate away what somebody still has to look at.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from service.core.parsing import Reject, RejectReason
from service.core.ports import Clock, DeadLetterStore
from service.storage.dead_letter import reject_entry

PER_BATCH = 20
AT_ONCE = 500
EVERY_SECONDS = 10.0


class RejectLetters:
    """Writes rejects to a dead letter, as many one by one as there is room for, the others as a number by reason.

    Parameters
    ----------
    store
        Where they are kept.
    clock
        Says how much room there is by now.
    per_batch
        Most of a batch that are written one by one.
    at_once, every_seconds
        Entries that may be written after a long quiet, and how long one takes to become possible again.

    Notes
    -----
    What found no room is written, as a number, with the next rejects that find some; if none come, it is in the metrics
    alone.
    """

    def __init__(
        self,
        store: DeadLetterStore,
        clock: Clock,
        *,
        per_batch: int = PER_BATCH,
        at_once: int = AT_ONCE,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self.store = store
        self._clock = clock
        self._per_batch = per_batch
        self._at_once = at_once
        self._every = every_seconds
        self._room = float(at_once)
        self._looked_at = clock.elapsed()
        self._held_back: Counter[RejectReason] = Counter()

    async def write(self, rejects: Iterable[Reject]) -> None:
        """Write what there is room for; waits as long as the store does."""
        now = self._clock.elapsed()
        self._room = min(float(self._at_once), self._room + (now - self._looked_at) / self._every)
        self._looked_at = now
        entries: list[Mapping[str, JsonValue]] = []
        for reject in rejects:
            if (reject.sample or reject.records == 1) and len(entries) < self._per_batch and self._take_room():
                entries.append(reject_entry(reject))
            else:
                self._held_back[reject.reason] += reject.records
        for reason in sorted(self._held_back):
            if self._take_room():
                count = self._held_back.pop(reason)
                entries.append(reject_entry(Reject(reason, "", "more of them, not written one by one", count)))
        await self.store.write(entries)

    def _take_room(self) -> bool:
        if self._room < 1:
            return False
        self._room -= 1
        return True
