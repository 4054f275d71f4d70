"""Tells those who were told of an alert what it was found to be, each verdict once.

What is said follows from the verdict alone, so that it is the same whenever and however often it is worked out. How it
is worded is the sinks' business.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from models.statistics import Severity
from models.stream import Json, fields
from service.core.alerting import Alert
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.verdict import Verdict, VerdictKind

TOLD_WITHIN = timedelta(days=1)
"""How old a verdict may be to be told: of one that is heard of later, nobody waits for news."""
_MOST_ACTIONS = 20


class VerdictNotice(BaseModel):
    """What somebody found an alert to be, for whoever was told of the alert.

    Attributes
    ----------
    id
        The verdict's.
    revision
        Always 1: another verdict on the same alert is another notice.
    alert
        Id of the alert.
    severity
        The alert's: whoever was told of that is told of this.
    kind, for_kind, by, why, takes_effect
        The verdict's.
    actor_id, actor_name
        Whom or what the alert is about.
    actions
        What it told of, by name, each once, at most 20.
    since, until
        Stretch of event time that the verdict is about.
    found_at
        When the verdict was given, by the clock of whoever gave it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    revision: Literal[1] = 1
    alert: str
    severity: Severity
    kind: VerdictKind
    for_kind: bool
    actor_id: str
    actor_name: str
    actions: tuple[str, ...]
    since: datetime
    until: datetime
    by: str
    why: str
    takes_effect: datetime
    found_at: datetime

    @property
    def stage(self) -> Literal["closed", "updated"]:
        """Whether it closes the alert: an attack may go on."""
        return "updated" if self.kind is VerdictKind.MALICIOUS else "closed"


class FollowUps:
    """Remembers which verdicts were told to those who had been told of their alerts."""

    def __init__(self) -> None:
        self._told: dict[str, datetime] = {}

    def due(self, verdicts: Verdicts, remembered: Callable[[str], Alert | None], now: datetime) -> list[VerdictNotice]:
        """Return what is to be told now, in the order in which it was found, and remember that it was.

        Parameters
        ----------
        verdicts
            All that are known.
        remembered
            From an id to the alert, as it was told last; None if nothing can be added to it any more.
        now
            The present: verdicts given later are not there yet.
        """
        found = []
        for one in verdicts.since(now - TOLD_WITHIN):
            key = verdicts.id_of(one)
            alert = remembered(one.alert) if one.at <= now and key not in self._told else None
            if alert is not None:
                self._told[key] = one.at
                found.append(_notice(one, key, alert.severity))
        # Longer than they may be told for, so that a clock that is set back tells nothing twice.
        self._told = {key: at for key, at in self._told.items() if at > now - 2 * TOLD_WITHIN}
        return found

    def dump(self) -> Iterator[dict[str, Json]]:
        """Yield plain rows for a snapshot, one a verdict that was told."""
        for key, at in sorted(self._told.items()):
            yield {"id": key, "at": at.isoformat()}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything by what `dump` gave.

        Raises
        ------
        UnexpectedRow
            If a row has other fields.
        """
        pairs = [fields("answered", row, "id", "at") for row in rows]
        self._told = {str(key): datetime.fromisoformat(at) for key, at in pairs}


def _notice(verdict: Verdict, key: str, severity: Severity) -> VerdictNotice:
    actions = dict.fromkeys(cell.action_name for cell in verdict.cells)
    return VerdictNotice(
        id=key,
        alert=verdict.alert,
        severity=severity,
        kind=verdict.kind,
        for_kind=verdict.for_kind,
        actor_id=verdict.actor_id,
        actor_name=verdict.actor_name,
        actions=tuple(actions)[:_MOST_ACTIONS],
        since=verdict.start,
        until=verdict.end,
        by=verdict.by,
        why=verdict.why,
        takes_effect=verdict.takes_effect,
        found_at=verdict.at,
    )
