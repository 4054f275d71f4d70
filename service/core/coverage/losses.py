"""Messages that were gone before they were read: the kind ``lost``, told at once, however few they are.

A partition's sequence numbers have no gaps, so one between two messages that were read is a loss; so is what the hub
says at the start that it no longer holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import with_config

from service.core.coverage.gaps import EXACT, GapExtent, GapLimits, OpenGaps, merged
from service.core.notices import GapKind, Notice


@with_config(EXACT)
@dataclass(slots=True)
class Loss:
    """Messages lost a partition, between `since` and `until` as enqueued; `key` names the first of them."""

    since: datetime
    until: datetime
    found_at: datetime
    key: str
    messages: dict[str, int] = field(default_factory=dict)


@with_config(EXACT)
@dataclass(slots=True)
class Losses:
    """What has been lost, and not been told for good."""

    loss: Loss | None = None

    def note(
        self, partition: str, behind: int, messages: int, *, since: datetime, until: datetime, now: datetime
    ) -> None:
        """Note that so many messages behind a sequence number will never be read."""
        if self.loss is None:
            self.loss = Loss(since, until, now, f"{partition}\x1f{behind}")
        loss = self.loss
        loss.since, loss.until, loss.found_at = min(loss.since, since), max(loss.until, until), now
        loss.messages[partition] = loss.messages.get(partition, 0) + messages

    def look(self, now: datetime, gaps: OpenGaps, limits: GapLimits) -> Iterator[Notice]:
        """Say what is news."""
        loss = self.loss
        if loss is None:
            return
        extent = GapExtent(loss.since, merged(loss.messages, ()), lost=sum(loss.messages.values()))
        if GapKind.LOST not in gaps.open:
            yield gaps.begin(GapKind.LOST, extent, loss.key, now)
        elif now - loss.found_at >= limits.settle:
            self.loss = None
            yield gaps.end(GapKind.LOST, extent, loss.until, now)
        else:
            yield from gaps.go_on(GapKind.LOST, extent, now, limits.after)
