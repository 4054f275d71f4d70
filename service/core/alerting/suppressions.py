"""Suppressions: whose findings do not alert for a while, by whom, why, and whether they are to be learnt.

A window is one of event time: what decides is when the first record of a cell happened, not when it arrived, when it
was judged, or what time it is now. So a replay, a restart or a late arrival comes to the same answer. Reading the file
is left to the settings, what becomes of a covered finding to the engine.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from models.detectors import Anomaly
from models.stream import NOTHING_EXCLUDED, Actor, ActorBucket, Bucket, Cell, Exclusions, fits_pattern, names_of

ENDING = timedelta(days=3)
"""How long before its end a suppression is said to be ending; one shorter than twelve days, in its last quarter."""


class Stage(StrEnum):
    """Where a suppression stands."""

    PLANNED = "planned"
    IN_FORCE = "in_force"
    ENDING = "ending"
    EXPIRED = "expired"


class Suppression(NamedTuple):
    """One entry; what is empty restricts nothing, and something is given.

    Attributes
    ----------
    actor
        Identity: ``tenant/object-id``, object id, or name, whatever the case.
    action
        Pattern of the operation: ``*`` for anything, ``?`` for one character, whatever the case.
    subscription
        Id; covers a cell only if all of it happened there.
    detector
        Name.
    begins, until
        Half-open stretch of event time.
    reason, owner
        For people.
    learn
        Whether what is covered becomes part of what is normal.
    """

    actor: str
    action: str
    subscription: str
    detector: str
    begins: datetime
    until: datetime
    reason: str
    owner: str
    learn: bool

    @property
    def id(self) -> str:
        """Deterministic: 8 hex digits of whom or what it covers, and from when on."""
        parts = (*(part.casefold() for part in self[:4]), self.begins.isoformat())
        return sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:8]

    def stage(self, now: datetime) -> Stage:
        """Return where it stands at `now`; what it covers is decided by event time alone."""
        if now >= self.until:
            return Stage.EXPIRED
        if now < self.begins:
            return Stage.PLANNED
        ending = min(ENDING, (self.until - self.begins) / 4)
        return Stage.ENDING if self.until - now <= ending else Stage.IN_FORCE

    def covers(self, cell: Cell) -> bool:
        """Whether it covers that cell, of whomever it speaks.

        >>> from datetime import UTC
        >>> from models.stream.windows import EPOCH
        >>> one = Suppression("", "sql/*", "", "", EPOCH, datetime(2026, 3, 2, tzinfo=UTC), "migration", "dba", True)
        >>> cell = Cell("sql/servers/write", "Sql/servers/write", datetime(2026, 3, 1, tzinfo=UTC), 1, 1, 0, 0)
        >>> one.covers(cell), one.covers(cell._replace(action="web/read"))
        (True, False)
        >>> one.covers(cell._replace(first_time=one.until))
        False
        """
        return (
            self.begins <= cell.first_time < self.until
            and (not self.action or fits_pattern(self.action, cell.action))
            and (not self.subscription or [scope.casefold() for scope in cell.scopes] == [self.subscription.casefold()])
        )


class Suppressions:
    """All of them.

    Parameters
    ----------
    entries
        In the order of the file; where several cover a finding, the first is said to have done so.
    """

    def __init__(self, entries: Iterable[Suppression] = ()) -> None:
        self.entries: Sequence[Suppression] = tuple(entries)
        self._of_all = [(place, one) for place, one in enumerate(self.entries) if not one.actor]
        self._of_one: dict[str, list[tuple[int, Suppression]]] = {}
        for place, one in enumerate(self.entries):
            if one.actor:
                self._of_one.setdefault(one.actor.casefold(), []).append((place, one))

    def covering(self, anomaly: Anomaly) -> Suppression | None:
        """Return the first that covers `anomaly`."""
        for one in self._about(anomaly.actor, anomaly.bucket):
            if one.detector in ("", anomaly.detector) and one.covers(anomaly.cell):
                return one
        return None

    def exclusions(self, seen: ActorBucket, detectors: Iterable[str]) -> Exclusions:
        """Return what each detector has to pass over in a bucket.

        What several cover is learnt only if all of them say so.
        """
        about = self._about(seen.actor, seen.bucket)
        if not about:
            return NOTHING_EXCLUDED
        exclusions: dict[str, dict[str, bool]] = {}
        names = tuple(detectors)
        for one in about:
            for cell in filter(one.covers, seen.cells):
                for name in names:
                    if one.detector in ("", name):
                        actions = exclusions.setdefault(name, {})
                        actions[cell.action] = actions.get(cell.action, True) and one.learn
        return exclusions

    def stages(self, now: datetime) -> Mapping[Stage, int]:
        """Return how many there are in each stage."""
        counts = Counter(one.stage(now) for one in self.entries)
        return {stage: counts[stage] for stage in Stage}

    def _about(self, actor: Actor, bucket: Bucket) -> list[Suppression]:
        """Return those that could cover something of `actor` in `bucket`, in the order of the file."""
        if not self.entries:
            return []
        found = list(self._of_all)
        if self._of_one:
            for name in names_of(actor):
                found += self._of_one.get(name, ())
        found = [(place, one) for place, one in found if one.begins < bucket.end and one.until > bucket.start]
        return [one for _, one in sorted(found, key=lambda pair: pair[0])]


class UnusableSuppressions(ValueError):  # noqa: N818 - it says what is the matter with them
    """The file cannot be used, not even a part of it; `lines` say why, one problem each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)
