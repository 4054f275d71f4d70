"""Drives a detector as the engine does: what is learnt of a bucket is taught once."""

import json
from collections.abc import Sequence
from typing import TypeVar

from models.detectors.anomalies import Anomaly
from models.detectors.contract import Detector
from models.statistics.lessons import Lessons
from models.stream.cells import ActorBucket, Crowd

D = TypeVar("D", bound=Detector)
Scored = tuple[ActorBucket, Sequence[Anomaly]]


def collected(detector: Detector, scored: Sequence[Scored], crowd: Crowd) -> Lessons:
    """Learn the buckets of several identities; return what they teach."""
    lessons = Lessons(scored[0][0].bucket.hours)
    for seen, anomalies in scored:
        detector.learn(seen, crowd, anomalies, lessons)
    return lessons


def settle(detector: Detector, crowd: Crowd, *scored: Scored) -> None:
    """Learn what several identities did in one bucket, and teach it."""
    if scored:
        detector.teach(collected(detector, scored, crowd))


def population(detector: Detector) -> str:
    return json.dumps(list(detector.dump_population()))


def identities(detector: Detector) -> str:
    return json.dumps(list(detector.dump_identities()))


def dumped(detector: Detector) -> str:
    return population(detector) + identities(detector)


def restored(into: D, saved: Detector) -> D:
    """Load what another detector knows, by way of JSON."""
    into.load(json.loads(population(saved)), json.loads(identities(saved)))
    return into
