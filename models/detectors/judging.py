"""What all detectors say of a bucket, asked again only when the answer can have changed.

The same open bucket is looked at tick after tick; what was said of it holds until something is added to it or the
detectors learn. What is made of an answer is left to the engine.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from models.detectors.anomalies import Anomaly
from models.detectors.contract import Detector
from models.statistics import Lessons
from models.stream import NOTHING_EXCLUDED, ActorBucket, Crowd, Exclusions, Tally, exclude_nothing, excluding

NO_TALLIES: Mapping[str, Tally] = {}
NOTHING_SAID: Mapping[str, list[Anomaly]] = {}


class Asked(Crowd):
    """A crowd that remembers what it was asked, so that another one can be known to give the same answers.

    There is one for each identity in an open bucket: it takes as little room as it can.
    """

    __slots__ = ("_answers", "_crowd", "_size", "_sums")

    def __init__(self, crowd: Crowd) -> None:
        super().__init__(crowd.actors, NO_TALLIES)
        self._crowd = crowd
        self._size: int | None = None
        self._answers: dict[str, Tally] | None = None
        self._sums: dict[str, Tally] | None = None

    @property
    def actors(self) -> int:
        """Distinct identities active in the bucket."""
        self._size = self._crowd.actors
        return self._size

    def tally(self, action: str) -> Tally:
        """Return who did `action`."""
        answer = self._crowd.tally(action)
        if self._answers is None:
            self._answers = {}
        self._answers[action] = answer
        return answer

    def service(self, name: str) -> Tally:
        """Return who did anything of a service."""
        answer = self._crowd.service(name)
        if self._sums is None:
            self._sums = {}
        self._sums[name] = answer
        return answer

    def agrees(self, crowd: Crowd) -> bool:
        """Whether `crowd` would have given the same answers."""
        return crowd is self._crowd or (
            (self._size is None or self._size == crowd.actors)
            and all(crowd.tally(action) == answer for action, answer in (self._answers or NO_TALLIES).items())
            and all(crowd.service(name) == answer for name, answer in (self._sums or NO_TALLIES).items())
        )


class Judgement(NamedTuple):
    """What was said of one identity's bucket.

    Attributes
    ----------
    seen
        The bucket: that very object.
    crowd
        What the detectors asked the crowd, and heard.
    anomalies
        What each detector said that said anything, by its name; of what is left, where cells were to be passed over.
    highest
        The highest score of all, those of `suppressed` included.
    exclusions
        Which cells were to be passed over.
    suppressed
        What would have been said of these, by detector.
    """

    seen: ActorBucket
    crowd: Asked
    anomalies: Mapping[str, list[Anomaly]]
    highest: float
    exclusions: Exclusions = NOTHING_EXCLUDED
    suppressed: Mapping[str, list[Anomaly]] = {}


class Judge:
    """Asks the detectors, and remembers what they said as long as it is true.

    Parameters
    ----------
    detectors
        By name, in the order in which they are asked. Nobody else may teach them, or `forget` must be called.
    """

    def __init__(self, detectors: Mapping[str, Detector]) -> None:
        self._detectors = detectors
        self._known: dict[int, Judgement] = {}

    def judge(
        self, seen: ActorBucket, crowd: Crowd, exclude: Callable[[ActorBucket], Exclusions] = exclude_nothing
    ) -> Judgement:
        """Return what the detectors say.

        That depends on what they have learnt, on the bucket, and on what they ask the crowd. The same object is the
        same bucket; an equal one is merely judged again. What `exclude` says is to be passed over neither excuses nor
        accuses the rest, which is judged as if nothing else had been there; when it says something else, `forget`.
        """
        known = self._known.get(id(seen))  # an id is nobody else's as long as the judgement holds the object
        if known is not None and known.crowd.agrees(crowd):
            return known
        asked = Asked(crowd)
        anomalies: dict[str, list[Anomaly]] = {}
        for name, detector in self._detectors.items():
            if found := detector.score(seen, asked):
                anomalies[name] = found
        highest = 0.0
        for found in anomalies.values():
            for anomaly in found:
                if anomaly.score > highest:  # noqa: PLR1730 - half the time of max() on the hot path
                    highest = anomaly.score
        exclusions = exclude(seen)
        suppressed: dict[str, list[Anomaly]] = {}
        for name, actions in exclusions.items():
            suppressed[name] = [anomaly for anomaly in anomalies.pop(name, ()) if anomaly.cell.action in actions]
            rest, others = excluding(seen, asked, actions)
            if rest.cells and (found := self._detectors[name].score(rest, others)):
                anomalies[name] = found
                highest = max([highest, *(anomaly.score for anomaly in found)])
        return Judgement(seen, asked, anomalies or NOTHING_SAID, highest, exclusions, suppressed or NOTHING_SAID)

    def keep(self, judgements: Iterable[Judgement]) -> None:
        """Remember these, and no others, until something is learnt."""
        self._known = {id(judgement.seen): judgement for judgement in judgements}

    def lessons(self, hours: float) -> dict[str, Lessons]:
        """Return what each detector is to be taught of the bucket at `hours`: nothing yet."""
        return {name: Lessons(hours) for name in self._detectors}

    def learn(self, judgement: Judgement, crowd: Crowd, lessons: Mapping[str, Lessons]) -> None:
        """Let every detector learn a closed bucket of which it was said that, and add to `lessons` what it teaches.

        What it was to pass over is no evidence of anything, and is learnt only if it shall be.
        """
        self._known = {}
        if not judgement.exclusions:  # nearly always
            for name, detector in self._detectors.items():
                detector.learn(judgement.seen, crowd, judgement.anomalies.get(name, ()), lessons[name])
            return
        for name, detector in self._detectors.items():
            left_out = [action for action, learnt in judgement.exclusions.get(name, {}).items() if not learnt]
            seen, others = excluding(judgement.seen, crowd, left_out)
            if seen.cells:
                detector.learn(seen, others, judgement.anomalies.get(name, ()), lessons[name])

    def teach(self, lessons: Mapping[str, Lessons]) -> Iterator[None]:
        """Teach each detector, in steps, what all identities of a bucket have to teach it."""
        self._known = {}
        for name, detector in self._detectors.items():
            detector.teach(lessons[name])
            yield

    def forget(self) -> None:
        """Forget what was said: the detectors know something else now."""
        self._known = {}
