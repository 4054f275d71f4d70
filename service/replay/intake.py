"""Takes documents in: parses their records, counts what became of each, and gives the events back in order.

What the order is decides `ordering`, where documents come from `service.documents`; what is done with the events is for
whoever drives an engine with them.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from models.stream import EPOCH, ActivityEvent
from service.core.parsing import ActivityLogParser, Parsed, Reject
from service.documents import Batch, RecordPlace, Unit
from service.replay.aliases import Aliases
from service.replay.contents import Contents, DocumentTally
from service.replay.ordering import RUN, Arrived, Order, Sorter

BLOCK = 256
_BARE_RECORD = re.compile(rb'\{(?!\s*"records"\s*:)', re.IGNORECASE)


class Intake:
    """Reads batches once, and yields their events in order.

    Parameters
    ----------
    horizon
        How late an event may come and still be judged.
    on_reject
        Told of each rejected record and its place.
    on_read
        Called now and then with how many events were taken out of how many, for a progress bar; ``(0, 0)`` while it
        is not known yet how many there are.
    order
        In which order events are taken: see `ordering`.
    run
        Events that are held in memory while they are put in order.
    folder
        Where temporary files stand; where `tempfile` puts them if None.

    Attributes
    ----------
    counts
        ``records`` and ``rejects``.
    left_out
        How many records were recognised and left out, by what they are.
    by_arrival
        Whether events were taken as they stood.
    newest
        Time of the newest event, once the first has been yielded.
    """

    def __init__(
        self,
        horizon: timedelta,
        *,
        on_reject: Callable[[Reject, RecordPlace], None],
        on_read: Callable[[int, int], None],
        order: Order = "auto",
        run: int = RUN,
        folder: Path | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.by_arrival = False
        self.newest = EPOCH
        self._horizon = horizon
        self._on_reject = on_reject
        self._on_read = on_read
        self._order: Order = order
        self._run = run
        self._folder = folder
        self._parser = ActivityLogParser()
        self._aliases = Aliases()
        self._tallies: dict[str, DocumentTally] = {}
        self._document = -1

    def events(self, batches: Iterable[Batch]) -> Iterator[Arrived]:
        """Read all batches, then yield what is in them.

        Raises
        ------
        OSError
            If temporary files cannot be written.
        """
        with Sorter(self._order, self._horizon, run=self._run, folder=self._folder) as sorter:
            for batch in batches:
                self._on_read(0, 0)
                events = self._read(batch)
                document = batch.document
                sorter.add(events, document.before, recording=document.unit is Unit.LINE and not document.member)
            self.newest = sorter.newest
            self.by_arrival = sorter.count > 0 and sorter.by_arrival()
            resolve = self._aliases.resolver()
            for taken, arrived in enumerate(sorter.events()):
                if taken % BLOCK == 0:
                    self._on_read(taken, sorter.count)
                yield arrived if resolve is None else arrived._replace(event=resolve(arrived.event))

    def contents(self) -> tuple[Contents, ...]:
        """Return what was found in documents of each kind."""
        return tuple(tally.contents() for tally in self._tallies.values())

    def _read(self, batch: Batch) -> list[ActivityEvent]:
        """Parse a batch and count what is in it; returns its events in the order in which they stand."""
        kind = batch.document.kind
        tally = self._tallies.setdefault(kind, DocumentTally(kind))
        if batch.document.before != self._document:
            self._document = batch.document.before
            tally.begin()
        events: list[ActivityEvent] = []
        for number, parsed in self._parse(batch):
            events += parsed.events
            tally.records += parsed.records
            self.counts["records"] += parsed.records
            self.counts["rejects"] += parsed.rejected
            self.left_out.update(parsed.left_out)
            for reject in parsed.rejects:
                self._on_reject(reject, batch.document.place(number))
        tally.follow(events)
        self._aliases.note(events)
        return events

    def _parse(self, batch: Batch) -> Iterator[tuple[int, Parsed]]:
        """Parse texts as one envelope if they are bare records, because that is the parser's fast path."""
        texts = [(number, text) for number, text in enumerate(map(bytes.strip, batch.texts), batch.first) if text]
        if texts and all(_BARE_RECORD.match(text) for _, text in texts):
            parsed = self._parser.parse(b'{"records":[' + b",".join(text for _, text in texts) + b"]}")
            # A broken record must not take its neighbours with it.
            if not parsed.rejects and parsed.records == len(texts):
                yield batch.first, parsed
                return
        for number, text in texts:
            yield number, self._parser.parse(text)
