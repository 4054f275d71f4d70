"""What a detector says of one cell: how unusual, on which scale, and from which numbers.

An anomaly's identity depends on nothing but detector, actor, action and bucket, so whatever is found twice can be
told apart from what is newly found. Whether anybody is alerted is decided elsewhere.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from models.statistics import Severity, severity
from models.stream import Actor, Bucket, Cell, Json, fields

NO_EVIDENCE: Mapping[str, Json] = {}


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
    sensitivity
        The part of it that comes of how much an intruder needs the operation, in powers of ten; 0 if nothing does.
    """

    detector: str
    actor: Actor
    bucket: Bucket
    cell: Cell
    score: float
    surprise: float
    why: str = ""
    evidence: Mapping[str, Json] = NO_EVIDENCE
    alone: float = 0.0
    sensitivity: float = 0.0

    @property
    def id(self) -> str:
        """Deterministic identity: 16 hex digits of detector, actor, action and bucket."""
        return anomaly_id(self.detector, self.actor.id, self.cell.action, self.bucket)

    @property
    def severity(self) -> Severity:
        """Severity of the score, a step higher for a sensitive operation that did not only fail."""
        return severity(self.score, 0.0 if self.in_vain else self.sensitivity)

    @property
    def in_vain(self) -> bool:
        """Whether all that was tried in the cell failed."""
        cell = self.cell
        return cell.failed and not cell.successes and cell.attempts <= cell.failures + cell.denials

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {
            "detector": self.detector,
            "actor": self.actor.row(),
            "bucket": {"start": self.bucket.start.isoformat(), "seconds": self.bucket.width.total_seconds()},
            "cell": self.cell.row(),
            "score": self.score,
            "surprise": self.surprise,
            "why": self.why,
            "evidence": dict[str, Json](self.evidence),
            "alone": self.alone,
            "sensitivity": self.sensitivity,
        }

    @classmethod
    def from_row(cls, row: Any) -> "Anomaly":
        """Restore what `row` gave."""
        detector, actor, bucket, cell, *said = fields("anomaly", row, *cls._fields)
        start, seconds = fields("bucket", bucket, "start", "seconds")
        when = Bucket(datetime.fromisoformat(start), timedelta(seconds=seconds))
        return cls(detector, Actor.from_row(actor), when, Cell.from_row(cell), *said)


def anomaly_id(detector: str, actor: str, action: str, bucket: Bucket) -> str:
    """Return the identity of what `detector` says of `actor` doing `action` in `bucket`.

    >>> from datetime import UTC, datetime, timedelta
    >>> hour = Bucket(datetime(2026, 3, 1, 10, tzinfo=UTC), timedelta(hours=1))
    >>> anomaly_id("rare_action", "t/u", "a/write", hour) == anomaly_id("rare_action", "t/u", "a/write", hour)
    True
    """
    parts = (detector, actor, action, bucket.start.isoformat())
    return sha256("\x1f".join(parts).encode()).hexdigest()[:16]
