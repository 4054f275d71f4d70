"""What all detectors say of a bucket, asked again only when the answer can have changed.

The same open bucket is looked at tick after tick; what was said of it holds until something is added to it or the
detectors learn. What is made of an answer is left to the engine.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from models.anomalies import Anomaly
from models.cells import ActorBucket, Crowd
from models.detector import Detector


class Verdict(NamedTuple):
    """What was said of one identity's bucket.

    Attributes
    ----------
    seen
        The bucket: that very object.
    crowd
        The crowd that it was judged amid; None if nothing in it failed, so that no crowd could change a thing.
    anomalies
        What each detector said, by its name.
    highest
        The highest score of all.
    """

    seen: ActorBucket
    crowd: Crowd | None
    anomalies: Mapping[str, list[Anomaly]]
    highest: float


class Verdicts:
    """Asks the detectors, and remembers what they said as long as it is true.

    Parameters
    ----------
    detectors
        By name, in the order in which they are asked. Nobody else may teach them, or `forget` must be called.
    """

    def __init__(self, detectors: Mapping[str, Detector]) -> None:
        self._detectors = detectors
        self._known: dict[int, Verdict] = {}

    def judge(self, seen: ActorBucket, crowd: Crowd) -> Verdict:
        """Return what the detectors say.

        That depends on what they have learnt, on the bucket, and only where something failed on the crowd: laws of
        `models.detector.Detector`. The same object is the same bucket or crowd; equal ones are merely judged again.
        """
        known = self._known.get(id(seen))  # an id is nobody else's as long as the verdict holds the object
        if known is not None and (known.crowd is None or known.crowd is crowd):
            return known
        anomalies = {name: detector.score(seen, crowd) for name, detector in self._detectors.items()}
        amid = None
        for cell in seen.cells:
            if cell.failures or cell.denials:
                amid = crowd
        highest = 0.0
        for found in anomalies.values():
            for anomaly in found:
                highest = max(highest, anomaly.score)
        return Verdict(seen, amid, anomalies, highest)

    def keep(self, verdicts: Iterable[Verdict]) -> None:
        """Remember these, and no others, until something is learnt."""
        self._known = {id(verdict.seen): verdict for verdict in verdicts}

    def learn(self, verdict: Verdict, crowd: Crowd) -> None:
        """Let every detector learn a closed bucket of which it was said that."""
        self._known = {}
        for name, detector in self._detectors.items():
            detector.learn(verdict.seen, crowd, verdict.anomalies[name])

    def forget(self) -> None:
        """Forget what was said: the detectors know something else now."""
        self._known = {}
