"""A notice: what people are told when a coverage gap opens, changes and closes; and, beside it, that of a verdict.

No alert: nobody did anything, but for the span of the gap silence means nothing. When a notice is due is decided in
`service.core.coverage`; how it is worded, by the sinks.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from service.core.verdicts import VerdictNotice


class GapKind(StrEnum):
    """What is missing in a coverage gap."""

    SILENT = "silent"  # nothing is read from a partition although the hub holds messages, or the hub does not answer
    BEHIND = "behind"  # messages are read, but long after the hub took them: after a downtime, or in a flood
    LATE = "late"  # the hub itself was given the events long after they happened
    LOST = "lost"  # messages were never read: gone before, or set aside


NoticeStage = Literal["opened", "updated", "closed"]


class Notice(BaseModel):
    """One revision of what is said of one coverage gap.

    Attributes
    ----------
    id
        Deterministic: kind, partition and beginning of the gap, 16 hex digits; the same while the gap lasts.
    revision
        1 when opened, one more with each further notice.
    kind, stage
        What is missing; and whether this opens, updates or closes the gap.
    since, until
        Its span; `until` is None while it lasts. For ``silent``, ``behind`` and ``lost`` in the hub's time of
        enqueueing, which is minutes after that of the events; for ``late`` in that of the events.
    partitions
        Those concerned.
    may_alerts_still_come
        Whether what happened in the span may still lead to alerts: not once it is closed (all has been judged), and
        never for what is lost.
    late_records
        Records of the span that were read late, or reached the hub late.
    unjudged_records
        Those of them that were too late to be judged at all.
    subscriptions
        Ids of those whose events are late, if it is about some of them alone.
    lost_messages
        Messages that were never read; None when nobody knows how many, because the hub was deleted and created again.
    found_at
        When this revision was decided, by our clock.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    revision: int
    kind: GapKind
    stage: NoticeStage
    since: datetime
    until: datetime | None
    partitions: tuple[str, ...]
    may_alerts_still_come: bool
    late_records: int
    unjudged_records: int
    lost_messages: int | None
    found_at: datetime
    subscriptions: tuple[str, ...] = ()


AnyNotice = Notice | VerdictNotice
"""Whatever is told besides alerts."""
