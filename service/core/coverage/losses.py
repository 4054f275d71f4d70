"""Messages that were gone before they were read: finds the coverage gap ``lost``, at once and however few they are.

A partition's sequence numbers are contiguous, so one missing between two messages that were read is a loss; so is what
the hub says at the start that it no longer holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import with_config

from service.core.coverage.gaps import EXACT, GapExtent, GapLimits, OpenGaps, in_order
from service.core.notices import GapKind, Notice


@with_config(EXACT)
@dataclass(slots=True)
class Loss:
    """Messages lost by partition, between `since` and `until` as enqueued; `key` names the first of them."""

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
        """Note that so many messages after the sequence number `behind` will never be read."""
        if self.loss is None:
            self.loss = Loss(since, until, now, f"{partition}\x1f{behind}")
        loss = self.loss
        loss.since, loss.until, loss.found_at = min(loss.since, since), max(loss.until, until), now
        loss.messages[partition] = loss.messages.get(partition, 0) + messages

    def check(self, now: datetime, gaps: OpenGaps, limits: GapLimits) -> Iterator[Notice]:
        """Yield the notices that are due."""
        loss = self.loss
        if loss is None:
            return
        extent = GapExtent(loss.since, in_order(loss.messages), lost_messages=sum(loss.messages.values()))
        if GapKind.LOST not in gaps.open:
            yield gaps.start(GapKind.LOST, extent, loss.key, now)
        elif now - loss.found_at >= limits.settle:
            self.loss = None
            yield gaps.close(GapKind.LOST, extent, loss.until, now)
        else:
            yield from gaps.update(GapKind.LOST, extent, now, limits.after)
