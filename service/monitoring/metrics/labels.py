"""All labels that metrics may have, and the values of those that the code itself chooses."""

from typing import Literal

from service.core.notices import GapKind
from service.core.verdicts import VerdictKind

DeadLetterReason = Literal["rejected", "undelivered"]
"""Why something is in a dead letter: a record that could not be understood, a message that could not be delivered."""

LABELS = frozenset({"partition", "detector", "severity", "sink", "result", "reason", "stage"})
"""The only labels that a series may have; a histogram's ``le`` apart."""
INFO_LABELS = frozenset({"version", "python", "river", "hash"})
"""The labels of build_info and config_info, constant while the process lives."""
MAX_PARTITIONS = 1024
"""No Event Hub has more; any beyond share the series ``other``."""
OTHER = "other"

TROUBLES = (
    "unreachable",
    "unauthorized",
    "not-found",
    "bad-position",
    "stolen",
    "throttled",
    "lost",
    "recreated",
    OTHER,
)
CLOSINGS = ("stop", "recycle", "error", "silent", "stolen", "handler", OTHER)
SNAPSHOTS = ("saved", "failed", "unreadable", "restored", "fenced", "not_kept")
DELIVERIES = ("sent", "retry", "refused", "broken", "expired", "overflowed", "orphaned")
ATTEMPTS = frozenset({"sent", "retry", "refused", "broken"})
GAP_KINDS = tuple(kind.value for kind in GapKind)
NOTICES = ("opened", "updated", "closed")
SUPPRESSED = ("known", "severity", "overflow", "suppression", "digest")
VERDICTS = tuple(kind.value for kind in VerdictKind)
SUPPRESSION_STAGES = ("planned", "in_force", "ending", "expired")
DEAD_LETTERS: tuple[DeadLetterReason, ...] = ("rejected", "undelivered")
