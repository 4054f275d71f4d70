"""Alert, Finding, and the log of what has been told: which anomalies make an alert, once.

One alert is one identity's unusual activity in one aligned window; a later tick that finds more in the same window
gives the same alert a higher revision. Rendering and sending are the sinks' work; retrying is the outbox's.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue

from models.events import ActorKind
from models.scoring import Severity


class Finding(BaseModel):
    """One anomaly as an alert carries it: self-contained, so that nobody has to look elsewhere first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    detector: str
    title: str
    action: str
    action_name: str
    time: datetime
    bucket_start: datetime
    bucket_end: datetime
    score: float
    surprise: float
    severity: Severity
    why: str
    evidence: dict[str, JsonValue]
    attempts: int
    failures: int
    denials: int
    resources: tuple[str, ...]
    addresses: tuple[str, ...]
    scopes: tuple[str, ...]
    results: tuple[str, ...]
    correlations: tuple[str, ...]
    late: bool
    settled: bool
    mitre: tuple[str, ...]
    response: tuple[str, ...]


class Alert(BaseModel):
    """What people are told: one identity, one window, its findings with the most surprising first.

    Attributes
    ----------
    id
        Deterministic: identity and window, 16 hex digits.
    revision
        1 when first told, one more whenever there is news.
    actor_id, actor_name, actor_kind
        Who.
    window_start, window_end
        Aligned stretch of event time that the findings fall in.
    found_at
        When this revision was decided, by our clock.
    score, severity
        The highest of the findings.
    findings
        Highest surprise first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    revision: int
    actor_id: str
    actor_name: str
    actor_kind: ActorKind
    window_start: datetime
    window_end: datetime
    found_at: datetime
    score: float
    severity: Severity
    findings: tuple[Finding, ...]

    @property
    def headline(self) -> str:
        """Who did what, in one line."""
        first = self.findings[0]
        more = f" and {len(self.findings) - 1} more" if len(self.findings) > 1 else ""
        return f"{self.actor_name}: {first.action_name}{more}"
