"""What a running service says of itself beside history, and what it does when asked; nothing where there is none."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from service.core.alerting import AS_DELIVERED, InForce, Suppression, SuppressionCount
from service.core.engine import Explanation, Imagined
from service.core.owners import NO_OWNERS, Owners


class PartitionState(NamedTuple):
    """How far a partition is read: messages that the hub has beyond, and when it took the one that was read last.

    `behind` is None until the hub has said what it has, `applied` until something was read.
    """

    partition: str
    behind: int | None
    applied: datetime | None


class SinkState(NamedTuple):
    """A sink: what kind, how many messages wait for it, and since when and why it takes none, if it does not."""

    name: str
    kind: str
    waiting: int
    broken_since: datetime | None = None
    reason: str = ""


class SampleSent(NamedTuple):
    """What became of a test message: whether it was taken, and a line that says so, or what to look at."""

    taken: bool
    said: str


class Live(NamedTuple):
    """The present of a service; as it stands here where only a file is shown.

    Attributes
    ----------
    in_force
        What alerts now.
    partitions, sinks
        What is read, and who is told.
    suppressions, counts
        The entries of the file, and what each has kept back, by its id.
    kept
        Names of the generations of the state that are kept, the newest first; None if nobody knows.
    send_sample
        Sends a test message to a sink that is named.
    what_if
        Says how an operation of an identity would be judged; None of an identity that the state does not remember.
    kept_now
        Asks for `kept`.
    owners
        Who answers for which identity.
    """

    in_force: InForce = AS_DELIVERED
    partitions: Sequence[PartitionState] = ()
    sinks: Sequence[SinkState] = ()
    suppressions: Sequence[Suppression] = ()
    counts: Mapping[str, SuppressionCount] = {}
    kept: Sequence[str] | None = None
    send_sample: Callable[[str], Awaitable[SampleSent]] | None = None
    what_if: Callable[[str, Imagined], Explanation | None] | None = None
    kept_now: Callable[[], Awaitable[Sequence[str]]] | None = None
    owners: Owners = NO_OWNERS
