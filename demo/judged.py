"""What the service thought of each operation of the live days, told or not: its process writes it, the demo reads it.

Alerts leave the service as anybody gets them. What stayed below every threshold leaves it nowhere; the demo, which
runs the service in a process of its own making, listens to what is reported inside.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TextIO

from models.detectors import Anomaly
from service.telemetry import BatchApplied, CellsJudged, Telemetry, TelemetryEvent


class Judged(NamedTuple):
    """What a detector made of an operation of an identity in a bucket of time."""

    actor: str
    action: str
    detector: str
    score: float
    bucket_start: datetime
    bucket_end: datetime


class Overheard(Telemetry):
    """Telemetry that goes on as before, while somebody listens to what was judged.

    Parameters
    ----------
    telemetry
        Where everything is reported.
    listener
        Told of the cells that were judged.
    """

    def __init__(self, telemetry: Telemetry, listener: Callable[[Sequence[Anomaly]], None]) -> None:
        self._telemetry = telemetry
        self._listener = listener

    def emit(self, event: TelemetryEvent) -> None:
        """Report an event, and have listened to it."""
        self._telemetry.emit(event)
        if isinstance(event, BatchApplied | CellsJudged):
            self._listener(event.scored)


def write_judged(stream: TextIO, anomalies: Iterable[Anomaly], since: datetime) -> None:
    """Write a line for each of `anomalies` whose bucket ends after `since`."""
    for one in anomalies:
        if one.bucket.end > since:
            start, end = one.bucket.start.isoformat(), one.bucket.end.isoformat()
            stream.write(json.dumps([one.actor.id, one.cell.action, one.detector, one.score, start, end]) + "\n")
    stream.flush()


def read_judged(file: Path) -> Iterator[Judged]:
    """Yield what was written; nothing if the service never came to write."""
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        actor, action, detector, score, start, end = json.loads(line)
        yield Judged(actor, action, detector, score, datetime.fromisoformat(start), datetime.fromisoformat(end))
