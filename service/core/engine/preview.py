"""Judges open buckets as they are now, so that an alert need not wait until its bucket is closed. Learns nothing.

What of it is told is decided by the coordinator.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from models.detectors import Anomaly, Judgement
from models.stream import ActorBucket, Crowd, Steps
from service.core.engine.judging import JUDGED_A_STEP, BucketJudge


class Previewed(NamedTuple):
    """An anomaly of an open bucket, and whether a suppression or a verdict has it passed over."""

    passed_over: bool
    anomaly: Anomaly


def preview_steps(
    opened: Iterable[tuple[list[ActorBucket], Crowd] | None], judge: BucketJudge, least: float
) -> Steps[list[Previewed]]:
    """Return what scores at `least` so much in open buckets, in their order, in steps."""
    found: list[Previewed] = []
    judgements: list[Judgement] = []
    for one in opened:
        if one is None:
            yield
            continue
        actor_buckets, crowd = one
        for count, actor_bucket in enumerate(actor_buckets, 1):
            judgement = judge.judge(actor_bucket, crowd)
            judgements.append(judgement)
            if judgement.highest >= least:
                found += (previewed for previewed in _all_in(judgement) if previewed.anomaly.score >= least)
            if count % JUDGED_A_STEP == 0:
                yield
    judge.keep(judgements)
    return found


def _all_in(judgement: Judgement) -> Iterator[Previewed]:
    for passed_over, by_detector in ((False, judgement.anomalies), (True, judgement.suppressed)):
        for anomaly in chain.from_iterable(by_detector.values()):
            yield Previewed(passed_over, anomaly)
