"""Runs the service's own engine over records, as ``unwonted replay`` does, and writes down what it saw and said."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np

from benchmarks.detection.cells import Key, Labelled, Scores, Told
from models.detectors import Anomaly, Card, Declaration, Example, Memory
from models.statistics import Lessons
from models.stream import ActorBucket, Crowd, Json
from service.core.alerting import Alert, AlertKind, Finding
from service.core.engine import Engine
from service.documents import from_lines
from service.replay import Replay
from service.settings import Settings
from service.wiring import build_engine

TAPE = Card("tape", "Tape", "Every cell.", "Other methods are fed with them.", (), (), ())


class Tape:
    """A detector that finds nothing: it writes down each closed cell, so that others judge the very same ones."""

    declaration = Declaration(TAPE, 100.0, (), (), Example("Never.", (), ()), Example("Always.", (), ()))

    def __init__(self) -> None:
        self._cells: dict[Key, Labelled] = {}

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Find nothing."""
        return []

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Write down the cells; one that comes again, late, is the same cell."""
        hour, actor = int(seen.bucket.hours), seen.actor
        for cell in seen.cells:
            entry = Labelled(actor.id, str(actor.kind), cell.action, hour, cell.failed, cell.attempts > 0)
            known = self._cells.get(entry.key)
            if known is not None:
                entry = entry._replace(failed=known.failed or entry.failed, began=known.began or entry.began)
            self._cells[entry.key] = entry

    def acquit(self, actor: str, actions: Collection[str], anomalies: Collection[str]) -> None:
        """Take nothing back."""

    def teach(self, lessons: Lessons) -> None:
        """Teach nobody."""

    @staticmethod
    def counterfactual(changes: Mapping[str, Any], threshold: float) -> str:
        """Say nothing."""
        return ""

    def dump_population(self) -> Iterator[Json]:
        """Yield nothing."""
        yield from ()

    def dump_identities(self) -> Iterator[Json]:
        """Yield nothing."""
        yield from ()

    def load(self, population: Iterable[Json], identities: Iterable[Json]) -> None:
        """Start again."""
        self._cells = {}

    def memory(self) -> Memory:
        """Say how much is held."""
        return Memory(keys=0, entries=len(self._cells), evicted=0, warmth=1.0)

    def cells(self) -> list[Labelled]:
        """Return all cells in order of time."""
        return sorted(self._cells.values(), key=lambda cell: cell.hour)


class Window(NamedTuple):
    """The stretch of an alert, in seconds from the epoch, and an identity that it is about."""

    actor: str
    begins: float
    ends: float


class Run(NamedTuple):
    """What one replay saw and said.

    Attributes
    ----------
    cells
        Distinct cells in order of time.
    judged
        By detector: score and surprise of each cell that it judged.
    told
        By detector: what was told of each cell, the first time.
    thresholds
        By detector.
    records
        Number of records read.
    windows
        Whose alert covers which time.
    """

    cells: list[Labelled]
    judged: dict[str, dict[Key, tuple[float, float]]]
    told: dict[str, dict[Key, float]]
    thresholds: dict[str, float]
    records: int
    windows: frozenset[Window] = frozenset()

    def scores(self) -> list[Scores]:
        """Return what all detectors together say, then each of them alone."""
        singles = [self._single(name) for name in self.thresholds]
        surprise = np.max([one.surprise for one in singles], axis=0)
        excess = np.max([one.score - one.threshold for one in singles], axis=0)
        told = tuple(dict.fromkeys(entry for one in singles for entry in one.told or ()))
        return [Scores("Unwonted", surprise, excess, 0.0, told), *singles]

    def _single(self, name: str) -> Scores:
        judged = self.judged.get(name, {})
        score, surprise = np.zeros(len(self.cells)), np.zeros(len(self.cells))
        for number, cell in enumerate(self.cells):
            score[number], surprise[number] = judged.get(cell.key, (0.0, 0.0))
        told = tuple(Told(time, key) for key, time in self.told.get(name, {}).items())
        return Scores(f"Unwonted {name} alone", surprise, score, self.thresholds[name], told)


def run(
    lines: Iterable[bytes],
    settings: Settings,
    every: timedelta | None = None,
    change: Callable[[Engine], None] | None = None,
) -> Run:
    """Replay records.

    Parameters
    ----------
    lines
        Records, one a line, in order of arrival.
    settings
        Of the service; buckets must be hours.
    every
        Time between evaluations, if not that of the settings: years of records need not be looked at every quarter.
    change
        Done to the engine before it sees anything.

    Raises
    ------
    ValueError
        For other buckets than hours, or lines that are no records.
    """
    if settings.windows.bucket != timedelta(hours=1):
        raise ValueError("the other methods are rebuilt for hours, so the service has to work with hours too")
    engine = build_engine(settings)
    if change is not None:
        change(engine)
    thresholds = {name: engine.options.thresholds[name] for name in engine.detectors}
    tape = Tape()
    engine.detectors[TAPE.name] = tape
    judged: defaultdict[str, dict[Key, tuple[float, float]]] = defaultdict(dict)
    told: defaultdict[str, dict[Key, float]] = defaultdict(dict)

    windows: set[Window] = set()

    def on_scored(anomalies: Sequence[Anomaly]) -> None:
        for one in anomalies:
            key = (one.actor.id, one.cell.action, int(one.bucket.hours))
            entries = judged[one.detector]
            entries[key] = max((one.score, one.surprise), entries.get(key, (0.0, 0.0)))

    def on_alerts(alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            windows.update(Window(finding.actor_id, *_stretch(alert, finding)) for finding in alert.findings)
            for finding in alert.findings:
                key = (finding.actor_id, finding.action, int(finding.bucket_start.timestamp() // 3600))
                told[finding.detector].setdefault(key, alert.found_at.timestamp())

    replay = Replay(
        engine,
        every=every or settings.schedule.every,
        on_scored=on_scored,
        on_alerts=on_alerts,
        on_reject=_refuse,
        on_read=lambda taken, total: None,
    )
    summary = replay.run(from_lines("lines", lines))
    return Run(tape.cells(), dict(judged), dict(told), thresholds, summary.records, frozenset(windows))


def _stretch(alert: Alert, finding: Finding) -> tuple[float, float]:
    # The window of what is told of many, or goes on, is weeks: it covers nobody's other activities.
    if alert.kind in {AlertKind.ROLLOUT, AlertKind.CAMPAIGN} or alert.days > 1:
        return finding.bucket_start.timestamp(), finding.bucket_end.timestamp()
    return alert.window_start.timestamp(), alert.window_end.timestamp()


def _refuse(reject: object, place: object) -> None:
    raise ValueError(f"a record could not be read: {place}: {reject}")
