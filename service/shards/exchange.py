"""What driver and shards say to each other: plain values, which may be pickled.

Each request goes to every shard, and every shard answers it; the driver adds the answers up.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from models.detectors import Anomaly
from models.statistics import Lessons
from models.stream import Actor, Crowd, RecordResult
from service.core.alerting import Suppression
from service.core.engine import Consequence
from service.core.verdicts import Verdict


class Rules(NamedTuple):
    """What people say of findings: no part of the state, given with each batch."""

    suppressions: Sequence[Suppression] = ()
    verdicts: Sequence[Verdict] = ()


class Step(NamedTuple):
    """One moment of a batch, as every shard goes through it.

    Attributes
    ----------
    place
        Its number in the batch.
    watermark
        How far time is complete after it.
    looks
        Whether open buckets are looked at, and not closed.
    """

    place: int
    watermark: datetime
    looks: bool


class Gather(NamedTuple):
    """Go through the batch: observe the events of each step, and close what is complete after it.

    Answered with `GatherAnswer`. What else is asked of a batch is asked after it.
    """

    steps: tuple[Step, ...]
    rules: Rules


class GatherAnswer(NamedTuple):
    """What a shard has in the buckets of a batch.

    Attributes
    ----------
    results
        Records by what became of them.
    closed
        Crowds of the buckets that were closed, by place and start; a place without any closed nothing of this shard.
    opened
        Crowds of the buckets that were open, by place and start.
    """

    results: Mapping[RecordResult, int]
    closed: Mapping[int, Mapping[datetime, Crowd]]
    opened: Mapping[int, Mapping[datetime, Crowd]]


class Close(NamedTuple):
    """Judge the bucket that was closed at `place` and began at `start`, and learn it. Answered with `CloseAnswer`.

    Attributes
    ----------
    crowd
        What everybody did in it, in all shards.
    least
        Score from which the driver wants to know of an anomaly.
    watched
        Identities of which it wants to know everything.
    """

    place: int
    start: datetime
    crowd: Crowd
    least: float
    watched: frozenset[str]


class CloseAnswer(NamedTuple):
    """What a shard found in a closed bucket.

    Attributes
    ----------
    actors
        Who was active, in the order of their ids.
    anomalies, suppressed
        What the driver wants to know, in the same order; of what is passed over, apart.
    lessons
        What it teaches the population, a detector; nothing where nobody was active.
    """

    actors: Sequence[Actor]
    anomalies: Sequence[Anomaly]
    suppressed: Sequence[Anomaly]
    lessons: Mapping[str, Lessons]


class Look(NamedTuple):
    """Judge the buckets that were open at `place`. Answered with a list of `Previewed` that score at `least` so much.

    `crowds` are what everybody did in each, in all shards, by its start.
    """

    place: int
    crowds: Mapping[datetime, Crowd]
    least: float


class Follow(NamedTuple):
    """Do what follows of a verdict for one's own identities. Answered with a list of what that has taught."""

    consequences: Sequence[Consequence]


class Settle(NamedTuple):
    """The batch is done, and its state may be saved. Answered with None."""


class TaughtLessons(NamedTuple):
    """What the population is to be taught; shard `known_to` has been already."""

    lessons: Mapping[str, Lessons]
    known_to: int | None = None


class Request(NamedTuple):
    """What every shard has to do now.

    Attributes
    ----------
    taught
        What is to be taught before, in this order.
    applied
        When the verdicts took effect that the model applies, by id, if that has changed.
    ask
        What is asked then.
    """

    taught: Sequence[TaughtLessons]
    applied: Mapping[str, datetime] | None
    ask: Gather | Close | Look | Follow | Settle
