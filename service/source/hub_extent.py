"""What a hub holds, and whether it is the hub whose positions we have: another one is refused, a recreated one told."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from service.core.messages import EndOffset, Position
from service.core.ports import HubRecreated
from service.source.diagnosis import RefusalError, another_hub
from service.source.options import SourceOptions

CLOCKS_DIFFER = timedelta(seconds=1)
"""By how much the clock that stamps a hub may be ahead of the one that stamps its messages."""


class PartitionRange(NamedTuple):
    """First and last sequence number that a partition holds, and when the last was enqueued.

    `last` keeps counting when retention has emptied the partition; `empty` tells.
    """

    partition: str
    first: int
    last: int
    empty: bool
    last_enqueued: datetime

    def end_offset(self, known_at: datetime, hub_time: datetime) -> EndOffset:
        """Return the newest message as the core's value."""
        return EndOffset(self.partition, -1 if self.empty else self.last, self.last_enqueued, known_at, hub_time)


class HubExtent(NamedTuple):
    """A hub as it is now: when it was created, and what each partition holds."""

    created_at: datetime
    partitions: list[PartitionRange]


def beyond(hub: HubExtent, before: Mapping[str, Position]) -> list[PartitionRange]:
    """Return the partitions that end before our position."""
    return [one for one in hub.partitions if one.partition in before and before[one.partition][0] > one.last]


def refuse_other_hub(options: SourceOptions, hub: HubExtent, before: Mapping[str, Position]) -> None:
    """Raise if positions are of another hub; `before` are those from before the hub was asked.

    A hub that was created after it took what we have read is not the one that we read. One that ends before a position
    of ours, and was not created since, is another one by configuration, which nobody can put right but the operator.

    Raises
    ------
    HubRecreated
        The hub was recreated.
    RefusalError
        With kind ``bad-position``.
    """
    newest = max((position.enqueued_time for position in before.values()), default=None)
    if newest is None:
        return
    ahead = beyond(hub, before)
    # Whatever ends before our position has changed for certain: then the order of the two instants is enough.
    if is_credible(hub) and hub.created_at >= newest + (timedelta(0) if ahead else CLOCKS_DIFFER):
        raise HubRecreated(hub.created_at, [one.partition for one in hub.partitions])
    if ahead:
        one = ahead[0]
        detail = f" (partition {one.partition}: its newest message is {one.last}, ours was {before[one.partition][0]})"
        raise RefusalError("bad-position", another_hub(options, detail))


def is_credible(hub: HubExtent) -> bool:
    """Whether the hub's creation time can be true: no message of a hub is older than the hub."""
    return all(one.empty or one.last_enqueued >= hub.created_at - CLOCKS_DIFFER for one in hub.partitions)
