"""The engine's options and its answers: plain values."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.detectors import Anomaly, Judgement
from models.stream import Limits, RecordResult
from service.core.alerting import GROUP_FROM, ROLLOUT_FROM, Alert, SuppressedFinding
from service.core.verdicts import VerdictNotice


class Options(NamedTuple):
    """The engine's options, as the settings give them.

    Attributes
    ----------
    bucket, lateness, horizon
        Length of a bucket; how late an event counts as on time; how late it is still judged.
    window
        Stretch of event time that each evaluation looks back over.
    thresholds
        Lowest score that alerts, a detector; with a budget, where it starts from.
    alerts_per_day
        Budget of identities alerted a day that moves the thresholds, if there is one.
    group_failures_from
        Identities whose unusual failures of one operation make one alert for the operation.
    group_rollouts_from
        Identities that take up an operation within a week that make one alert for the roll-out.
    limits
        Bounds on open buckets.
    people
        Identities whose names are remembered, so that one can be asked about by its name.
    recent
        Unusual cells held for the evaluations to come; in a storm the least unusual go.
    """

    bucket: timedelta = timedelta(hours=1)
    lateness: timedelta = timedelta(minutes=30)
    horizon: timedelta = timedelta(hours=24)
    window: timedelta = timedelta(hours=2)
    thresholds: Mapping[str, float] = {}
    alerts_per_day: float | None = None
    group_failures_from: int = GROUP_FROM
    group_rollouts_from: int = ROLLOUT_FROM
    limits: Limits = Limits()
    people: int = 100_000
    recent: int = 10_000


class Applied(NamedTuple):
    """What one message did.

    Attributes
    ----------
    fresh
        False when the message had been applied before, and was ignored.
    results
        Records by what became of them.
    clamped
        Records whose time lay after their message was enqueued.
    scored
        Every cell that was judged because its bucket closed.
    """

    fresh: bool
    results: Mapping[RecordResult, int]
    clamped: int
    scored: Sequence[Anomaly]


class ClosedBucket(NamedTuple):
    """What everybody did in a bucket that was closed, as it was judged and then learnt.

    Attributes
    ----------
    records
        How many records had been applied by then. Of two buckets that were closed, the one with fewer came first, and
        among equals the older.
    judgements
        One an identity, in the order of their ids.
    """

    records: int
    judgements: Sequence[Judgement]

    def pieces(self, most: int) -> Iterator["ClosedBucket"]:
        """Yield it in parts of so many identities at most."""
        for start in range(0, len(self.judgements), most):
            yield self._replace(judgements=self.judgements[start : start + most])


class Evaluation(NamedTuple):
    """What one evaluation came to.

    Attributes
    ----------
    now, since
        Its instant, and how far it looked back.
    unusual
        Unusual cells found, told before or not; suppressed ones do not count.
    alerts
        What is news.
    overflowed
        Unusual cells that were dropped since the last evaluation, to stay within `Options.recent`.
    thresholds
        Those in force, a detector.
    suppressed
        What would be news, were it not suppressed.
    known
        How many of `unusual` were part of an alert before.
    answered
        Verdicts of which those are to be told who were told of their alerts.
    """

    now: datetime
    since: datetime
    unusual: int
    alerts: Sequence[Alert]
    overflowed: int = 0
    thresholds: Mapping[str, float] = {}
    suppressed: Sequence[SuppressedFinding] = ()
    known: int = 0
    answered: Sequence[VerdictNotice] = ()
