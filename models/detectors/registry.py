"""Every detector there is, by name: a new one is a file of its own and a line here."""

from collections.abc import Mapping
from typing import Any

from models.detectors.anomalies import Anomaly
from models.detectors.contract import Detector, DetectorKind
from models.detectors.dormant import Dormant
from models.detectors.examples import Example
from models.detectors.failure_spike import FailureSpike
from models.detectors.first_sight import FirstSight
from models.detectors.new_network import NewNetwork
from models.detectors.options import takes
from models.detectors.rare_action import RareAction
from models.detectors.rare_failure import RareFailure
from models.detectors.unusual_city import UnusualCity
from models.detectors.unusual_country import UnusualCountry
from models.detectors.volume_spike import VolumeSpike
from models.detectors.watch_list import WatchList
from models.statistics import Lessons

DETECTOR_KINDS: tuple[DetectorKind, ...] = (
    RareAction,
    RareFailure,
    FailureSpike,
    NewNetwork,
    Dormant,
    FirstSight,
    UnusualCountry,
    UnusualCity,
    VolumeSpike,
    WatchList,
)
DETECTORS: Mapping[str, DetectorKind] = {kind.declaration.name: kind for kind in DETECTOR_KINDS}


def build(name: str, **options: Any) -> Detector:
    """Make the detector called `name` with its own options.

    One that takes `looks` is told how many such detectors there are (`UserDays`).

    Raises
    ------
    KeyError
        If there is no such detector.

    Examples
    --------
    >>> build("rare_action", explain_from=50.0).declaration.name
    'rare_action'
    """
    kind = DETECTORS[name]
    if takes(kind, "looks"):
        options.setdefault("looks", float(sum(takes(one, "looks") for one in DETECTORS.values())))
    return kind(**options)


def play(name: str, example: Example) -> list[Anomaly]:
    """Let a new detector live through an example; return what it says of its last hour, the oddest first.

    >>> [first, *_] = play("rare_action", DETECTORS["rare_action"].declaration.speaks)
    >>> first.score >= DETECTORS["rare_action"].declaration.threshold
    True
    """
    detector = build(name, **{key: value for key, value in example.given().items() if takes(DETECTORS[name], key)})
    found: list[Anomaly] = []
    for group, crowd in example.hours():
        scored = [(seen, detector.score(seen, crowd)) for seen in group]
        lessons = Lessons(group[0].bucket.hours)
        for seen, said in scored:
            detector.learn(seen, crowd, said, lessons)
        detector.teach(lessons)
        found = [anomaly for _, said in scored for anomaly in said]
    return sorted(found, key=lambda one: (-one.score, -one.surprise, one.id))
