"""Judges identities' buckets with all detectors, under the suppressions in force, and lets the detectors learn them.

Which buckets are judged, and whether they are learnt afterwards, is decided by `closing` and `preview`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from models.detectors import Detector, Judge, Judgement
from models.statistics import Lessons
from models.stream import ActorBucket, Crowd, Exclusions, Steps
from service.core.alerting import Suppressions
from service.core.engine.consequences import Compliance, Consequence

JUDGED_A_STEP = 250  # identities that are judged or learnt in one step: about ten milliseconds


class BucketJudge:
    """The detectors' judge, with the suppressions in force left out of what is normal and what is told.

    Parameters
    ----------
    detectors
        By name, in the order in which they are asked.
    compliance
        Does to the same detectors what follows of a verdict.
    unlearnable
        Says which cells of a bucket no detector may learn, by the verdicts that are applied.

    Attributes
    ----------
    suppressions
        Those in force; `suppress` replaces them.
    """

    def __init__(
        self,
        detectors: Mapping[str, Detector],
        compliance: Compliance,
        unlearnable: Callable[[ActorBucket], Exclusions],
    ) -> None:
        self.suppressions = Suppressions()
        self._compliance = compliance
        self._detectors = detectors
        self._unlearnable = unlearnable
        self._judge = Judge(detectors)

    def suppress(self, suppressions: Suppressions) -> None:
        """Put other suppressions in force; everything is judged again."""
        self.suppressions = suppressions
        self.forget()

    def judge(self, actor_bucket: ActorBucket, crowd: Crowd, exclusions: Exclusions | None = None) -> Judgement:
        """Return what the detectors say of a bucket, suppressed cells judged apart from the rest.

        What is to be passed over is what the suppressions and verdicts in force say, unless it is given.
        """
        if exclusions is None:
            return self._judge.judge(actor_bucket, crowd, self._exclusions)
        return self._judge.judge(actor_bucket, crowd, lambda _: exclusions)

    def judge_steps(self, actor_buckets: Sequence[ActorBucket], crowd: Crowd) -> Steps[list[Judgement]]:
        """Judge every identity's bucket, in steps."""
        judgements = []
        for count, actor_bucket in enumerate(actor_buckets, 1):
            judgements.append(self.judge(actor_bucket, crowd))
            if count % JUDGED_A_STEP == 0:
                yield
        return judgements

    def learn_steps(self, judgements: Sequence[Judgement], crowd: Crowd) -> Steps[dict[str, Lessons]]:
        """Learn a closed bucket of every identity, in steps; return what they teach, which is not taught yet.

        All are judged before any of them is learnt, so that their order does not matter.
        """
        lessons = self.lessons(judgements[0].seen.bucket.hours)
        for count, judgement in enumerate(judgements, 1):
            self.learn(judgement, crowd, lessons)
            if count % JUDGED_A_STEP == 0:
                yield
        return lessons

    def follow(self, consequences: Iterable[Consequence]) -> list[dict[str, Lessons]]:
        """Do what follows of verdicts; return what that has taught, in this order, of which others have yet to hear."""
        taught = [lessons for one in consequences for lessons in self._compliance.follow(one)]
        self.forget()
        return taught

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

    def _exclusions(self, actor_bucket: ActorBucket) -> Exclusions:
        suppressed, unlearnable = (
            self.suppressions.exclusions(actor_bucket, self._detectors),
            self._unlearnable(actor_bucket),
        )
        if not suppressed or not unlearnable:
            return suppressed or unlearnable
        return {name: {**suppressed.get(name, {}), **unlearnable[name]} for name in unlearnable}
