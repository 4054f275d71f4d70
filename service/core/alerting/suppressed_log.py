"""What would have alerted: findings that a suppression kept back, each listed and counted once.

The list is bounded, the newest stay; the counts of each suppression go on. Which findings are kept back is decided by
`suppressions`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from models.detectors import Anomaly
from models.stream import EPOCH, Json, UnexpectedRow, fields
from service.core.alerting.suppressions import Suppression

MOST_LISTED = 1_000
MOST_KNOWN = 10_000
"""Findings within the late horizon that are told apart; in a storm beyond it no more are counted."""

MOST_COUNTED = 1_000


class SuppressedFinding(NamedTuple):
    """One finding that nobody was told: what, of whom, when, how unusual, why; by which suppression, and if learnt."""

    id: str
    suppression: str
    learnt: bool
    detector: str
    actor_id: str
    actor_name: str
    action: str
    time: datetime
    score: float
    severity: str
    why: str

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {**self._asdict(), "time": self.time.isoformat()}

    @classmethod
    def from_row(cls, row: Any) -> "SuppressedFinding":
        """Restore what `row` gave."""
        one = cls(*fields("finding", row, *cls._fields))
        return one._replace(time=datetime.fromisoformat(row["time"]))


class SuppressionCount(NamedTuple):
    """How many findings a suppression has kept back, and when the newest of them happened."""

    findings: int
    newest: datetime


class SuppressedLog:
    """Remembers what would have alerted, so that eight looks at one window count it once.

    Attributes
    ----------
    listed
        The newest, oldest first.
    """

    def __init__(self) -> None:
        self.listed: list[SuppressedFinding] = []
        self._known: dict[str, datetime] = {}
        self._counts: dict[str, SuppressionCount] = {}

    @property
    def counts(self) -> Mapping[str, SuppressionCount]:
        """How much each suppression has kept back, by its id."""
        return self._counts

    def note(self, covered: Iterable[tuple[Anomaly, Suppression]]) -> list[SuppressedFinding]:
        """Take in what is kept back, in any order; returns what had not been known."""
        news = []
        for anomaly, suppression in sorted(covered, key=lambda pair: (pair[0].cell.first_time, pair[0].id)):
            if anomaly.id in self._known or len(self._known) >= MOST_KNOWN:
                continue
            self._known[anomaly.id] = anomaly.bucket.end
            one = _suppressed(anomaly, suppression)
            news.append(one)
            before = self._counts.pop(one.suppression, SuppressionCount(0, EPOCH))
            self._counts[one.suppression] = SuppressionCount(before.findings + 1, max(before.newest, one.time))
        if news:
            self.listed = sorted([*self.listed, *news], key=lambda one: (one.time, one.id))[-MOST_LISTED:]
            for stale in list(self._counts)[:-MOST_COUNTED]:
                del self._counts[stale]
        return news

    def expire(self, oldest: datetime) -> None:
        """Forget which findings of buckets that ended at or before `oldest` were counted: they do not come again."""
        self._known = {key: end for key, end in self._known.items() if end > oldest}

    def dump(self) -> Iterator[dict[str, Json]]:
        """Yield plain rows for a snapshot."""
        for key, end in sorted(self._known.items()):
            yield {"part": "known", "row": {"id": key, "bucket_end": end.isoformat()}}
        for key, count in self._counts.items():
            counted: dict[str, Json] = {"findings": count.findings, "newest": count.newest.isoformat()}
            yield {"part": "count", "row": {"suppression": key, **counted}}
        for one in self.listed:
            yield {"part": "listed", "row": one.row()}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything by what `dump` gave."""
        self.listed, self._known, self._counts = [], {}, {}
        for part, row in (fields("row", tagged, "part", "row") for tagged in rows):
            match part:
                case "known":
                    key, end = fields("known", row, "id", "bucket_end")
                    self._known[key] = datetime.fromisoformat(end)
                case "count":
                    key, findings, newest = fields("count", row, "suppression", "findings", "newest")
                    self._counts[key] = SuppressionCount(int(findings), datetime.fromisoformat(newest))
                case "listed":
                    self.listed.append(SuppressedFinding.from_row(row))
                case _:
                    raise UnexpectedRow(f"unknown part {part!r}")


def _suppressed(anomaly: Anomaly, suppression: Suppression) -> SuppressedFinding:
    return SuppressedFinding(
        id=anomaly.id,
        suppression=suppression.id,
        learnt=suppression.learn,
        detector=anomaly.detector,
        actor_id=anomaly.actor.id,
        actor_name=anomaly.actor.name,
        action=anomaly.cell.action_name,
        time=anomaly.cell.first_time,
        score=round(anomaly.score, 2),
        severity=str(anomaly.severity),
        why=anomaly.why,
    )
