"""Closes buckets: judges what every identity did in one, and only then lets everything learn from it.

When a bucket is complete is decided by the watermark, what is made of its anomalies by the coordinator.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain

from models.detectors import Anomaly, Judgement
from models.stream import OpenBuckets, Steps
from service.core.engine.coordinator import Coordinator
from service.core.engine.judging import BucketJudge
from service.core.shadow import Shadows


def close_steps(
    buckets: OpenBuckets, judge: BucketJudge, coordinator: Coordinator, shadows: Shadows, watermark: datetime
) -> Steps[list[list[Judgement]]]:
    """Close each bucket that ends at or before `watermark`, oldest first, in steps.

    Returns what was said of each of these buckets, in the order in which they were closed.
    """
    judged: list[list[Judgement]] = []
    for closed in buckets.close_steps(watermark):
        if closed is None:
            yield
            continue
        actor_buckets, crowd = closed
        if not actor_buckets:
            continue
        start = actor_buckets[0].bucket.start
        yield from _apply_verdicts(coordinator, judge, start)
        judgements = yield from judge.judge_steps(actor_buckets, crowd)
        coordinator.complete_until(start)
        yield from shadows.judge_steps(actor_buckets, crowd, judge.judge, coordinator.tells)
        lessons = yield from judge.learn_steps(judgements, crowd)
        yield from judge.teach(lessons)
        coordinator.note_closed(actor_buckets, anomalies_in(judgements))
        judged.append(judgements)
    yield from _apply_verdicts(coordinator, judge, buckets.closed_until - buckets.width)
    coordinator.complete_until(watermark)
    found = list(chain.from_iterable(judged))
    coordinator.hold((*anomalies_in(found), *suppressed_in(found)))
    return judged


def _apply_verdicts(coordinator: Coordinator, judge: BucketJudge, start: datetime) -> Iterator[None]:
    """Heed the verdicts that are due before the bucket at `start` is judged; each is a step."""
    for follows in coordinator.rulings.apply_until(start):
        judge.follow(follows)
        yield


def anomalies_in(judgements: Sequence[Judgement]) -> list[Anomaly]:
    """Return everything that was said, of what is passed over nothing."""
    return [anomaly for judgement in judgements for found in judgement.anomalies.values() for anomaly in found]


def suppressed_in(judgements: Sequence[Judgement]) -> list[Anomaly]:
    """Return what would have been said of what is passed over."""
    return [anomaly for judgement in judgements for found in judgement.suppressed.values() for anomaly in found]
