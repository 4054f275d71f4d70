"""What the engine is told, and what it answers: plain values."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.detectors import Anomaly
from models.stream import Limits, Seen
from service.core.alerting import GROUP_FROM, Alert, SuppressedFinding


class Options(NamedTuple):
    """What the engine is told by configuration.

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
    limits
        Bounds on open buckets.
    people
        Identities whose names are remembered, for whoever asks about one by its name.
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
    limits: Limits = Limits()
    people: int = 100_000
    recent: int = 10_000


class Applied(NamedTuple):
    """What one message did.

    Attributes
    ----------
    fresh
        False when the message had been applied before, and was ignored.
    seen
        Records by what became of them.
    clamped
        Records whose time lay after their message was enqueued.
    scored
        Every cell that was judged because its bucket closed.
    """

    fresh: bool
    seen: Mapping[Seen, int]
    clamped: int
    scored: Sequence[Anomaly]


class Evaluation(NamedTuple):
    """What one tick came to.

    It looked back to `since` and found `unusual` cells, `known` of which were part of an alert before; `alerts` hold
    news; `overflowed` cells had to go in a storm since the last tick; `thresholds` are those in force, a detector;
    `suppressed` would be news, were it not for a suppression.
    """

    now: datetime
    since: datetime
    unusual: int
    alerts: Sequence[Alert]
    overflowed: int = 0
    thresholds: Mapping[str, float] = {}
    suppressed: Sequence[SuppressedFinding] = ()
    known: int = 0
