"""Judges one identity's bucket with all detectors, under the suppressions and thresholds in force.

Which buckets are judged, and whether they are learnt afterwards, is decided by `closing` and `preview`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from models.detectors import Anomaly, Detector, Judge, Judgement
from models.statistics import Lessons
from models.stream import ActorBucket, Crowd, Exclusions, exclude_nothing
from service.core.alerting import Budget, Suppressions

JUDGED_A_STEP = 250  # identities that are judged or learnt in one step: about ten milliseconds


class BucketJudge:
    """The detectors' judge, with the suppressions in force left out of what is normal and what is told.

    Parameters
    ----------
    detectors
        By name, in the order in which they are asked.
    budget
        Holds each detector's threshold for each day.
    unlearnable
        Says which cells of a bucket no detector may learn, by the verdicts that are heeded.

    Attributes
    ----------
    suppressions
        Those in force; `suppress` replaces them.
    """

    def __init__(
        self,
        detectors: Mapping[str, Detector],
        budget: Budget,
        unlearnable: Callable[[ActorBucket], Exclusions] = exclude_nothing,
    ) -> None:
        self.budget = budget
        self.suppressions = Suppressions()
        self._detectors = detectors
        self._unlearnable = unlearnable
        self._judge = Judge(detectors)

    def suppress(self, suppressions: Suppressions) -> None:
        """Put other suppressions in force; everything is judged anew."""
        self.suppressions = suppressions
        self.forget()

    def judge(self, actor_bucket: ActorBucket, crowd: Crowd, exclusions: Exclusions | None = None) -> Judgement:
        """Return what the detectors say of a bucket, suppressed cells judged apart from the rest.

        What is to be passed over is what the suppressions and verdicts in force say, unless it is given.
        """
        if exclusions is None:
            return self._judge.judge(actor_bucket, crowd, self._exclusions)
        return self._judge.judge(actor_bucket, crowd, lambda _: exclusions)

    def keep(self, judgements: Iterable[Judgement]) -> None:
        """Remember these judgements, and no others, until something is learnt."""
        self._judge.keep(judgements)

    def lessons(self, hours: float) -> dict[str, Lessons]:
        """Return what each detector is to be taught of the bucket at `hours` (from the epoch): nothing yet."""
        return self._judge.lessons(hours)

    def learn(self, judgement: Judgement, crowd: Crowd, lessons: Mapping[str, Lessons]) -> None:
        """Let every detector learn a closed bucket that has been judged, and add to `lessons` what it teaches."""
        self._judge.learn(judgement, crowd, lessons)

    def teach(self, lessons: Mapping[str, Lessons]) -> Iterator[None]:
        """Teach each detector, in steps, what all identities of a bucket have to teach it."""
        return self._judge.teach(lessons)

    def forget(self) -> None:
        """Forget all judgements, because detectors or suppressions have been replaced."""
        self._judge.forget()

    def unusual(self, anomaly: Anomaly) -> bool:
        """Whether `anomaly` reaches the threshold that its detector had on its day."""
        return anomaly.score >= self.budget.least and anomaly.score >= self.budget.threshold(
            anomaly.detector, anomaly.bucket.start
        )

    def tells(self, anomaly: Anomaly) -> bool:
        """Whether `anomaly` is unusual, and no suppression in force covers it."""
        return self.unusual(anomaly) and self.suppressions.covering(anomaly) is None

    def _exclusions(self, actor_bucket: ActorBucket) -> Exclusions:
        suppressed, unlearnable = (
            self.suppressions.exclusions(actor_bucket, self._detectors),
            self._unlearnable(actor_bucket),
        )
        if not suppressed or not unlearnable:
            return suppressed or unlearnable
        return {name: {**suppressed.get(name, {}), **unlearnable[name]} for name in unlearnable}
