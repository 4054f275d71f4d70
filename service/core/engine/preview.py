"""Judges open buckets as they are now, so that an alert need not wait until its bucket is closed. Learns nothing."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from models.detectors import Anomaly, Judgement
from models.stream import EPOCH, OpenBuckets, Steps
from service.core.engine.judging import STEP, BucketJudge


def preview_steps(buckets: OpenBuckets, judge: BucketJudge, since: datetime) -> Steps[list[Anomaly]]:
    """Return what is unusual in the open buckets that end after `since`, in steps.

    What is unusual in an open bucket has yet to be learnt. Its repetition in a later bucket is left out until then:
    otherwise each new habit would be told once an hour until its first bucket is closed.
    """
    unusual: list[Anomaly] = []
    unlearnt: set[tuple[bool, str, str, str]] = set()
    judgements: list[Judgement] = []
    lowest = judge.budget.least
    for opened in buckets.peek_steps(EPOCH):
        if opened is None:
            yield
            continue
        actor_buckets, crowd = opened
        for count, actor_bucket in enumerate(actor_buckets, 1):
            judgement = judge.judge(actor_bucket, crowd)
            judgements.append(judgement)
            if judgement.highest >= lowest:
                for suppressed, anomaly in _unusual_in(judgement, judge):
                    habit = (suppressed, anomaly.detector, anomaly.actor.id, anomaly.cell.action)
                    if habit not in unlearnt and anomaly.bucket.end > since:
                        unusual.append(anomaly)
                    unlearnt.add(habit)
            if count % STEP == 0:
                yield
    judge.keep(judgements)
    return unusual


def _unusual_in(judgement: Judgement, judge: BucketJudge) -> Iterator[tuple[bool, Anomaly]]:
    """Yield what is unusual, each with whether it is suppressed."""
    for suppressed, by_detector in ((False, judgement.anomalies), (True, judgement.suppressed)):
        for anomaly in filter(judge.unusual, chain.from_iterable(by_detector.values())):
            yield suppressed, anomaly
