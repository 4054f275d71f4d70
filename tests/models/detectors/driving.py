"""Drives a detector as the engine does: what is learnt of a bucket is taught once."""

import json
from collections.abc import Sequence
from typing import TypeVar

from models.detectors.anomalies import Anomaly
from models.detectors.contract import Detector
from models.statistics.lessons import Lessons
from models.stream.cells import ActorBucket, Crowd, Tally

D = TypeVar("D", bound=Detector)
Scored = tuple[ActorBucket, Sequence[Anomaly]]


def crowd_of(*group: ActorBucket) -> Crowd:
    """Return what all of them did, as the engine tallies it."""
    tallies: dict[str, Tally] = {}
    for seen in group:
        for cell in seen.cells:
            before = tallies.get(cell.action, Tally(0, 0))
            tallies[cell.action] = Tally(before.actors + 1, before.failing + cell.failed)
    return Crowd(len(group), tallies)


def learn(detector: Detector, *group: ActorBucket, crowd: Crowd | None = None) -> list[Anomaly]:
    """Score what several identities did in one bucket, learn and teach it; `crowd`: what they themselves did."""
    crowd = crowd or crowd_of(*group)
    scored = [(seen, detector.score(seen, crowd)) for seen in group]
    settle(detector, crowd, *scored)
    return [anomaly for _, anomalies in scored for anomaly in anomalies]


def terms_of(anomaly: Anomaly) -> dict[str, float]:
    """Return the terms that a surprise is the sum of."""
    terms = anomaly.evidence["terms"]
    assert isinstance(terms, dict)
    return {name: value for name, value in terms.items() if isinstance(value, float)}


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
