"""Messages that were gone before they were read: finds the coverage gap ``lost``, at once and however few they are.

A partition's sequence numbers are contiguous, so one missing between two messages that were read is a loss; so is what
the hub says at the start that it no longer holds. What a hub held that was deleted and created again is lost, too, and
nobody knows how much that was.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import with_config

from service.core.coverage.gaps import EXACT, GapExtent, GapLimits, OpenGaps, in_order
from service.core.notices import GapKind, Notice


@with_config(EXACT)
@dataclass(slots=True)
class Loss:
    """Messages lost by partition, between `since` and `until` as enqueued; `key` names the first of them.

    A number of 0 stands for one that nobody knows.
    """

    since: datetime
    until: datetime
    found_at: datetime
    key: str
    messages: dict[str, int] = field(default_factory=dict)


@with_config(EXACT)
@dataclass(slots=True)
class Losses:
    """What has been lost since no gap ``lost`` was open."""

    loss: Loss | None = None

    def note(
        self, partition: str, behind: int, messages: int, *, since: datetime, until: datetime, now: datetime
    ) -> None:
        """Note that so many messages (0: nobody knows how many) after `behind` will never be read."""
        if self.loss is None:
            self.loss = Loss(since, until, now, f"{partition}\x1f{behind}")
        loss = self.loss
        loss.since, loss.until, loss.found_at = min(loss.since, since), max(loss.until, until), now
        before = loss.messages.get(partition)
        loss.messages[partition] = 0 if messages == 0 or before == 0 else (before or 0) + messages

    def move(self, by: timedelta) -> None:
        """Move what is compared with our clock, which has been set by that."""
        if self.loss is not None:
            self.loss.found_at += by

    def check(self, now: datetime, gaps: OpenGaps, limits: GapLimits) -> Iterator[Notice]:
        """Yield the notices that are due."""
        loss = self.loss
        if loss is None:
            return
        numbers = loss.messages.values()
        extent = GapExtent(loss.since, in_order(loss.messages), lost_messages=sum(numbers) if all(numbers) else None)
        if GapKind.LOST not in gaps.open:
            yield gaps.start(GapKind.LOST, extent, loss.key, now)
        elif now - loss.found_at >= limits.settle:
            self.loss = None
            yield gaps.close(GapKind.LOST, extent, loss.until, now)
        else:
            yield from gaps.update(GapKind.LOST, extent, now, limits.after)
