"""What a detector says of one cell: how unusual, on which scale, and from which numbers.

An anomaly's identity depends on nothing but detector, actor, action and bucket, so whatever is found twice can be
told apart from what is found anew. Whether anybody is alerted is decided elsewhere.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from models.statistics import Severity, severity
from models.stream import Actor, ActorKind, Bucket, Cell, Json


class Anomaly(NamedTuple):
    """One scored cell.

    Attributes
    ----------
    detector
        Name of the detector.
    actor, bucket, cell
        Who, when, what.
    score
        Calibrated, 0 to 100.
    surprise
        Unbounded, before calibration; ranks cells that share a score.
    why
        One plain sentence with the numbers; empty below the detector's floor for explaining.
    evidence
        The numbers that the surprise can be recomputed from; empty below the same floor.
    alone
        The part of the surprise that the cell has by itself, before what is odd around it was added.
    """

    detector: str
    actor: Actor
    bucket: Bucket
    cell: Cell
    score: float
    surprise: float
    why: str = ""
    evidence: Mapping[str, Json] = {}
    alone: float = 0.0

    @property
    def id(self) -> str:
        """Deterministic identity: 16 hex digits of detector, actor, action and bucket."""
        return anomaly_id(self.detector, self.actor.id, self.cell.action, self.bucket)

    @property
    def severity(self) -> Severity:
        """Severity of the score, a step higher for a sensitive operation that did not only fail."""
        terms = self.evidence.get("terms")
        sensitive = terms.get("sensitivity") if isinstance(terms, dict) else None
        weight = float(sensitive) if isinstance(sensitive, int | float) and not self.in_vain else 0.0
        return severity(self.score, weight)

    @property
    def in_vain(self) -> bool:
        """Whether all that was tried in the cell failed."""
        cell = self.cell
        return cell.failed and not cell.successes and cell.attempts <= cell.failures + cell.denials

    def explain(self) -> str:
        """Say in one plain sentence who did what and why it is unusual."""
        return f"{self.actor.name} ({self.actor.kind.replace('_', ' ')}): {self.cell.action_name}. {self.why}".strip()

    def row(self) -> list[Any]:
        """Return plain data for a snapshot."""
        bucket = [self.bucket.start.isoformat(), self.bucket.width.total_seconds()]
        return [
            self.detector,
            list(self.actor),
            bucket,
            self.cell.row(),
            self.score,
            self.surprise,
            self.why,
            dict(self.evidence),
            self.alone,
        ]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "Anomaly":
        """Restore what `row` gave."""
        detector, (actor, name, kind), (start, seconds), cell, score, surprise, why, evidence, alone = row
        bucket = Bucket(datetime.fromisoformat(start), timedelta(seconds=seconds))
        whose = Actor(actor, name, ActorKind(kind))
        return cls(detector, whose, bucket, Cell.from_row(cell), score, surprise, why, evidence, alone)


def anomaly_id(detector: str, actor: str, action: str, bucket: Bucket) -> str:
    """Return the identity of what `detector` says of `actor` doing `action` in `bucket`.

    >>> from datetime import UTC, datetime, timedelta
    >>> hour = Bucket(datetime(2026, 3, 1, 10, tzinfo=UTC), timedelta(hours=1))
    >>> anomaly_id("rare_action", "t/u", "a/write", hour) == anomaly_id("rare_action", "t/u", "a/write", hour)
    True
    """
    parts = (detector, actor, action, bucket.start.isoformat())
    return sha256("\x1f".join(parts).encode()).hexdigest()[:16]
