"""One verdict: what somebody found an alert to be, self-contained, with the instant from which the model applies it.

That instant is fixed when the verdict is given and lies where no bucket has been closed yet: so the same records and
the same verdicts make the same model, whatever crashed meanwhile. What a verdict does is decided by the engine.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from models.detectors import Anomaly
from models.stream import EPOCH, Actor, ActorKind, Bucket, Cell
from service.core.alerting import Alert, Finding

MOST_CELLS = 50
_LONGEST_TEXT = 500
_LONGEST_NAME = 200
_LONGEST = timedelta(days=90)
_KEPT_OUT = timedelta(days=1)
HEARD_WITHIN = timedelta(minutes=5)
"""How long the service may take to hear of a verdict: no bucket that could close by then is touched by it."""


class VerdictKind(StrEnum):
    """What an alert was found to be."""

    BENIGN = "benign"  # in order, and to be learnt as a habit
    BENIGN_ONCE = "benign_once"  # in order this once, and not to be learnt
    MALICIOUS = "malicious"  # an attack: none of it is to become normal
    DUPLICATE = "duplicate"  # known already


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("should have no control characters in it")
    return text


_Text = Annotated[str, Field(min_length=1, max_length=_LONGEST_TEXT), AfterValidator(_plain)]
_Name = Annotated[str, Field(max_length=_LONGEST_NAME), AfterValidator(_plain)]


class JudgedCell(BaseModel):
    """One cell of an alert, as far as the alert tells of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor_id: str
    actor_name: str
    actor_kind: ActorKind
    bucket_start: AwareDatetime
    action: str
    action_name: str
    first_time: AwareDatetime
    attempts: int = Field(ge=0)
    failures: int = Field(ge=0)
    denials: int = Field(ge=0)
    addresses: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()

    @property
    def actor(self) -> Actor:
        """Whose it is."""
        return Actor(self.actor_id, self.actor_name, self.actor_kind)

    def cell(self, bucket: Bucket) -> Cell:
        """Return it as if it had happened in `bucket`, at the same time after its beginning."""
        return Cell(
            action=self.action,
            action_name=self.action_name,
            first_time=bucket.start + (self.first_time - self.bucket_start),
            attempts=self.attempts,
            successes=max(0, self.attempts - self.failures - self.denials),
            failures=self.failures,
            denials=self.denials,
            addresses=self.addresses,
            scopes=self.scopes,
        )


class Verdict(BaseModel):
    """What somebody found an alert to be.

    Attributes
    ----------
    kind
        What.
    alert
        Id of the alert.
    actor_id, actor_name
        Whom the alert is about; ``operation/…`` for an operation that fails for many, ``rollout/…`` and ``campaign/…``
        for several identities: those whose cells it has.
    cells
        What it told of.
    for_kind
        Whether a benign one speaks for all identities of the kind.
    start, end
        Half-open stretch of event time that it is about.
    by, at, why
        Who found it, when by their clock, and why.
    takes_effect
        Start of the first bucket that is judged in its light.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: VerdictKind
    alert: _Name
    actor_id: str
    actor_name: str
    cells: tuple[JudgedCell, ...] = Field(max_length=MOST_CELLS)
    for_kind: bool = False
    start: AwareDatetime
    end: AwareDatetime
    by: _Name
    at: AwareDatetime
    why: _Text
    takes_effect: AwareDatetime

    @model_validator(mode="after")
    def _times_make_sense(self) -> "Verdict":
        if self.end <= self.start:
            raise ValueError("should end after it begins")
        if self.end - self.start > _LONGEST:
            raise ValueError(f"should be about {_LONGEST.days} days at most")
        if self.for_kind and self.kind is not VerdictKind.BENIGN:
            raise ValueError("should speak for a kind only if it is benign")
        return self

    @property
    def id(self) -> str:
        """Deterministic: 16 hex digits of all that it says."""
        return sha256(self.model_dump_json().encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def order(self) -> tuple[datetime, str]:
        """Where it stands among those of one alert: the last is the one that counts."""
        return self.at, self.id

    @property
    def of_operation(self) -> bool:
        """Whether it is about an operation, for whomever it failed."""
        return self.actor_id.startswith("operation/")

    @property
    def actions(self) -> frozenset[str]:
        """Operations that its alert told of."""
        return frozenset(cell.action for cell in self.cells)

    @property
    def actors(self) -> frozenset[str]:
        """Ids of those whom it is about."""
        return frozenset((self.actor_id, *(cell.actor_id for cell in self.cells)))

    def speaks_of(self, actor: str, action: str) -> bool:
        """Whether its alert told of that operation, and of that identity, unless it was of anybody."""
        return any(cell.action == action and (self.of_operation or cell.actor_id == actor) for cell in self.cells)

    def closes(self, anomaly: Anomaly, first: datetime, last: datetime) -> bool:
        """Whether it ends an open alert, that told of what `anomaly` repeats between `first` and `last`."""
        told = self.kind is not VerdictKind.MALICIOUS and self.start <= last and first < self.end
        return told and self.speaks_of(anomaly.actor.id, anomaly.cell.action)

    def acquits(self, finding: Finding) -> bool:
        """Whether it found in order what was told."""
        until = max(self.end, self.takes_effect) if self.kind is VerdictKind.BENIGN else self.end
        in_order = self.kind in {VerdictKind.BENIGN, VerdictKind.BENIGN_ONCE}
        return in_order and self.start <= finding.time < until and self.speaks_of(finding.actor_id, finding.action)

    def covers(self, anomaly: Anomaly, *, learnt: bool) -> bool:
        """Whether `anomaly` is what it has answered, so that nobody need be told.

        Parameters
        ----------
        anomaly
            Of an identity that it is about; of anybody, if it is about an operation.
        learnt
            Whether the model applies it by now; until then a benign one covers what will be a habit as soon as it does.
        """
        cell, bucket = anomaly.cell, anomaly.bucket
        if self.kind is VerdictKind.MALICIOUS or cell.first_time < self.start:
            return False
        if not self.speaks_of(anomaly.actor.id, cell.action):
            return False
        if self.kind is VerdictKind.BENIGN:
            return not learnt or bucket.start < self.takes_effect
        return cell.first_time < self.end

    def keeps_out(self, actor: str, cell: Cell) -> bool:
        """Whether a cell of `actor`, whom it is about, must not become part of what is normal."""
        if not self.start <= cell.first_time < self.end:
            return False
        if self.kind is VerdictKind.BENIGN_ONCE:
            return self.speaks_of(actor, cell.action)
        return self.kind is VerdictKind.MALICIOUS and (not self.of_operation or cell.action in self.actions)


def takes_effect_from(at: datetime, lateness: timedelta, bucket: timedelta, closed_until: datetime = EPOCH) -> datetime:
    """Return the start of the first bucket that cannot have been closed before a verdict given `at` is heard of.

    Parameters
    ----------
    at
        The present.
    lateness, bucket
        The engine's.
    closed_until
        End of the last bucket that is known to be closed.

    Examples
    --------
    >>> from datetime import UTC
    >>> hour, half = timedelta(hours=1), timedelta(minutes=30)
    >>> [takes_effect_from(datetime(2026, 3, 1, 10, m, tzinfo=UTC), half, hour).hour for m in (20, 24, 25, 50)]
    [9, 9, 10, 10]
    """
    # Closed by then is what ends at or before `by`: the bucket in which `by` falls is still open.
    by = max(at + HEARD_WITHIN - lateness, closed_until)
    return Bucket.of(by, bucket).start


def cells_of(alert: Alert) -> tuple[JudgedCell, ...]:
    """Return what an alert tells of, each cell once, in the order of its findings; at most `MOST_CELLS`."""
    cells: dict[tuple[str, datetime, str], JudgedCell] = {}
    for one in alert.findings:
        actor_id = one.actor_id or alert.actor_id
        cells.setdefault(
            (actor_id, one.bucket_start, one.action),
            JudgedCell(
                actor_id=actor_id,
                actor_name=one.actor_name or alert.actor_name,
                actor_kind=one.actor_kind if one.actor_id else alert.actor_kind,
                bucket_start=one.bucket_start,
                action=one.action,
                action_name=one.action_name,
                first_time=one.time,
                attempts=one.attempts,
                failures=one.failures,
                denials=one.denials,
                addresses=one.addresses,
                scopes=one.scopes,
            ),
        )
    return tuple(cells.values())[:MOST_CELLS]


def verdict_on(
    alert: Alert,
    kind: VerdictKind,
    *,
    by: str,
    at: datetime,
    why: str,
    takes_effect: datetime,
    for_kind: bool = False,
    begins: datetime | None = None,
    until: datetime | None = None,
) -> Verdict:
    """Return the verdict that an alert was found to be this.

    Parameters
    ----------
    begins, until
        Of a malicious one, from when until when nothing of the identity is learnt: the beginning of the alert, and a
        day after the verdict (no earlier than the end of what the alert tells of), unless they are given. All others
        are about the window of the alert, or its last 90 days.

    Raises
    ------
    pydantic.ValidationError
        Something about it makes no sense.
    """
    start, end = alert.window_start, alert.window_end
    if kind is VerdictKind.MALICIOUS:
        # Not until the end of the alert's window: that of a roll-out or a campaign reaches to the end of a week.
        last_end = max(one.bucket_end for one in alert.findings)
        start, end = begins or start, until or max(last_end, at + _KEPT_OUT)
    if begins is None and until is None:
        # An open alert may go on for longer than a verdict may be about.
        start = max(start, end - _LONGEST)
    return Verdict(
        kind=kind,
        alert=alert.id,
        actor_id=alert.actor_id,
        actor_name=alert.actor_name,
        cells=cells_of(alert),
        for_kind=for_kind,
        start=start,
        end=end,
        by=by,
        at=at,
        why=why,
        takes_effect=takes_effect,
    )
