"""Notice: what people are told when the service was blind for a span of time, and when it sees again.

No alert: nobody did anything, but for this span silence means nothing. When there is something to tell is decided in
`blindness`; words are the sinks'.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class GapKind(StrEnum):
    """In which way the service is blind."""

    SILENT = "silent"  # nothing is heard from a partition, or what the hub holds does not come
    BEHIND = "behind"  # messages come, and are read long after the hub took them: after a downtime, or in a flood
    LATE = "late"  # the hub itself was given the events long after they happened
    LOST = "lost"  # messages were gone before they were read


Stage = Literal["opened", "updated", "closed"]


class Notice(BaseModel):
    """One revision of what is told of one span.

    Attributes
    ----------
    id
        Deterministic: kind, partition and beginning of the span, 16 hex digits; the same while the span lasts.
    revision
        1 when opened, one more with each further word.
    kind, stage
        In which way blind; and whether this opens, updates or closes the span.
    since, until
        The span; `until` is None while it lasts. For ``silent``, ``behind`` and ``lost`` in the hub's time of
        enqueueing, which is minutes after that of the events; for ``late`` in that of the events.
    partitions
        Which are concerned.
    may_alerts_still_come
        Whether what happened in the span may still be told of: no once it is closed (it has been judged, and what is
        unusual in it told), and never of what is lost.
    late_records
        Records of the span that were read, or had arrived, late.
    unjudged_records
        Those of them that were too late to be judged at all.
    lost_messages
        Messages that nobody will ever have read.
    found_at
        When this revision was decided, by our clock.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    revision: int
    kind: GapKind
    stage: Stage
    since: datetime
    until: datetime | None
    partitions: tuple[str, ...]
    may_alerts_still_come: bool
    late_records: int
    unjudged_records: int
    lost_messages: int
    found_at: datetime
