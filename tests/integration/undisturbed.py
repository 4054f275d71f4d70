"""What a service would have learnt that was never disturbed: the measure of all that are killed, starved and cut off.

An engine in this process reads the very messages that the hub holds; what the service has saved is compared with it.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo.hub import EmbeddedHub, HubMessage
from models.detectors.anomalies import Anomaly
from service.core.engine.engine import Engine
from service.core.messages import Message
from service.core.parsing.parser import ActivityLogParser
from service.core.verdicts.collection import Verdicts
from service.settings.reading import load
from service.wiring import build_engine

Rows = list[tuple[str, Any]]
FAR_AHEAD = datetime(9999, 1, 1, tzinfo=UTC)
Place = tuple[str, int]
"""A message: its partition and sequence number."""


def restored(settings: Path, rows: Rows) -> Engine:
    engine = build_engine(load(settings, {}))
    engine.load(rows)
    return engine


def as_saved(engine: Engine) -> Rows:
    """Return the rows as they come back from a snapshot."""
    return [(section, row) for section, row in json.loads(json.dumps(list(engine.dump())))]


def learnt(rows: Rows) -> list[str]:
    """Return what is known of identities and of all together, as lines that can be compared."""
    known = ("population ", "identities ", "verdict")
    return [json.dumps([section, row], sort_keys=True) for section, row in rows if section.startswith(known)]


def learnt_in_the_end(settings: Path, rows: Rows) -> list[str]:
    """Return what is known once every bucket has closed, whenever that is."""
    engine = restored(settings, rows)
    _close(engine)
    return learnt(as_saved(engine))


def _close(engine: Engine) -> list[Anomaly]:
    ends = max(position.enqueued_time for position in engine.positions.values())
    scored: list[Anomaly] = []
    for partition, position in engine.positions.items():
        scored += engine.idle(partition, position.sequence_number, ends + timedelta(days=30))
    return scored


class Undisturbed:
    """An engine that reads a hub in peace.

    Parameters
    ----------
    settings
        The service's configuration.
    service
        A state of the service, from which it takes since when there is news; what is older only teaches.
    verdicts
        Those that were given, in the end.
    """

    def __init__(self, settings: Path, service: Engine, verdicts: Verdicts | None = None) -> None:
        assert service.alert_from is not None
        self.engine = build_engine(load(settings, {}))
        self._news: list[Anomaly] = []
        self._alert_from = service.alert_from
        self._parser = ActivityLogParser()
        self.engine.expect(service.positions)
        self.engine.begin(service.alert_from)
        self.engine.accept(verdicts or Verdicts())

    def read(self, hub: EmbeddedHub, until: Mapping[str, int], set_aside: Collection[Place] = ()) -> None:
        """Read each partition up to a sequence number, and of what was `set_aside` the position alone."""
        due: list[tuple[HubMessage, str]] = []
        for partition, last in until.items():
            read = self.position(partition)
            due += ((one, partition) for one in hub.messages(partition) if read < one.sequence_number <= last)
        for one, partition in sorted(due, key=lambda entry: entry[0].enqueued_time):
            message = Message(partition, one.sequence_number, one.offset, one.enqueued_time, one.body)
            skipped = (partition, one.sequence_number) in set_aside
            events = [] if skipped else self._parser.parse(one.body).events
            self._note(self.engine.apply(message, events).scored)

    def position(self, partition: str) -> int:
        """Return the sequence number of what was read last; -1 before anything was."""
        found = self.engine.positions.get(partition)
        return -1 if found is None else found.sequence_number

    def close(self) -> None:
        """Close every bucket: nothing more will be read."""
        self._note(_close(self.engine))

    def _note(self, scored: Sequence[Anomaly]) -> None:
        self._news += (one for one in scored if self.engine.unusual(one) and one.bucket.end > self._alert_from)

    @property
    def unusual(self) -> set[str]:
        """Ids of what was unusual, is news, and is answered by no verdict, in the buckets that have closed."""
        return {one.id for one in self._unanswered()}

    @property
    def unusual_operations(self) -> set[tuple[str, str, str]]:
        """Detector, identity and operation of the same: an open alert keeps the first and the last of what goes on."""
        return {(one.detector, one.actor.id, one.cell.action) for one in self._unanswered()}

    def _unanswered(self) -> list[Anomaly]:
        answered = self.engine.rulings.covering
        return [one for one in self._news if answered(one, FAR_AHEAD) is None]
