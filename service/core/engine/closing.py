"""Closes buckets: judges what every identity did in one, and only then lets everything learn from it.

When a bucket is complete is decided by the watermark, what is made of its anomalies by the engine.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from models.detectors import Anomaly, Judgement
from models.stream import ActorBucket, Crowd, OpenBuckets, Steps
from service.core.alerting import Budget
from service.core.engine.judging import JUDGED_A_STEP, BucketJudge
from service.core.engine.recent import RecentActors
from service.core.engine.rulings import Rulings
from service.core.shadow import Shadows


class ScoredCells(NamedTuple):
    """Every cell of the buckets that were closed, as judged: `suppressed` are those that a suppression covers.

    `judged` has what was said of each of these buckets, in the order in which they were closed.
    """

    scored: list[Anomaly]
    suppressed: list[Anomaly]
    judged: list[list[Judgement]]


def close_steps(
    buckets: OpenBuckets,
    judge: BucketJudge,
    people: RecentActors,
    rulings: Rulings,
    shadows: Shadows,
    watermark: datetime,
) -> Steps[ScoredCells]:
    """Close each bucket that ends at or before `watermark`, oldest first, in steps."""
    scored: list[Anomaly] = []
    suppressed: list[Anomaly] = []
    judged: list[list[Judgement]] = []
    for closed in buckets.close_steps(watermark):
        if closed is None:
            yield
            continue
        actor_buckets, crowd = closed
        if actor_buckets:
            yield from _heed(rulings, judge, actor_buckets[0].bucket.start)
        judgements = yield from _judged_then_learnt(actor_buckets, crowd, judge, people, shadows)
        new = [anomaly for judgement in judgements for found in judgement.anomalies.values() for anomaly in found]
        judge.budget.history.observe(actor_buckets, new)
        judged.append(judgements)
        scored += new
        suppressed += [
            anomaly for judgement in judgements for found in judgement.suppressed.values() for anomaly in found
        ]
    yield from _heed(rulings, judge, buckets.closed_until - buckets.width)
    _end_day(judge.budget, watermark)
    return ScoredCells(scored, suppressed, judged)


def _heed(rulings: Rulings, judge: BucketJudge, start: datetime) -> Iterator[None]:
    """Heed the verdicts that are due before the bucket at `start` is judged; each is a step."""
    for _ in rulings.heed_until(start):
        judge.forget()
        yield


def _judged_then_learnt(
    actor_buckets: Sequence[ActorBucket], crowd: Crowd, judge: BucketJudge, people: RecentActors, shadows: Shadows
) -> Steps[list[Judgement]]:
    """Judge every identity's bucket before any of them is learnt, so that their order does not matter."""
    judgements: list[Judgement] = []
    for count, actor_bucket in enumerate(actor_buckets, 1):
        judgements.append(judge.judge(actor_bucket, crowd))
        if count % JUDGED_A_STEP == 0:
            yield
    if not actor_buckets:
        return judgements
    bucket = actor_buckets[0].bucket
    _end_day(judge.budget, bucket.start)
    yield from shadows.judge_steps(actor_buckets, crowd, judge.judge, judge.tells)
    lessons = judge.lessons(bucket.hours)
    for count, judgement in enumerate(judgements, 1):
        people.remember(judgement.seen.actor)
        judge.learn(judgement, crowd, lessons)
        if count % JUDGED_A_STEP == 0:
            yield
    yield from judge.teach(lessons)
    return judgements


def _end_day(budget: Budget, complete_until: datetime) -> None:
    """Set the thresholds of the days to come, if a day is complete by then."""
    if budget.history.finish(complete_until):
        budget.settle()
