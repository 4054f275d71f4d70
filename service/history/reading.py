"""Asks the history database: queries alone, beside whoever writes it, of whatever the tables hold.

What is asked is answered with frozen values. A damaged document is left out, and the rest answered.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self

from models.statistics import Severity
from models.stream import EPOCH, Actor, ActorKind
from service.core.alerting import Alert, SuppressedFinding
from service.core.incidents import APART, Handling, Incident, IncidentState, incidents
from service.core.notices import Notice
from service.history.packing import text, unpack_hour, unpack_model, unpack_suppressed
from service.history.schema import NoHistory, open_to_read
from service.history.values import AlertSummary, Attempt, Hour, HourMark, KnownIdentity
from service.history.writing import unix

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
MOST_ANSWERED = 1_000
"""How many of a kind one question answers, unless it says otherwise."""

_SEVERITIES = tuple(Severity)
_ALERT = (
    "SELECT id, revision, subject, name, kind, operation, window_start, window_end, first_found_at, found_at, score,"
    " severity, title, action, findings FROM alerts"
)
_MARK = (
    "SELECT i.id, i.name, i.kind, h.start, h.cells, h.score, h.detector, h.action, h.late"
    " FROM hours h JOIN identities i ON i.key = h.identity"
)
_HOUR = "SELECT h.document, h.records, h.late FROM hours h JOIN identities i ON i.key = h.identity"
_IDENTITY = "SELECT id, name, kind, first_seen, last_seen FROM identities"


class History:
    """What there is in a history database; may be asked from any thread.

    Parameters
    ----------
    path
        The file; it may be made, removed and made anew while this is open.

    Raises
    ------
    NoHistory
        By each question, when there is no file, or none that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; the next question opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = self._file = None

    # -- identities

    def identity(self, wanted: str) -> KnownIdentity | None:
        """Return the identity with that id."""
        found = self._ask(_IDENTITY, "WHERE id = ?", text(wanted))
        return _identity(found[0]) if found else None

    def identities(self, begins: str = "", *, limit: int = 20) -> list[KnownIdentity]:
        """Return those whose name, id or object id begins so, or else holds it, whatever the case; last seen first."""
        word = text(begins).casefold()
        if not word:
            return self._identities("1 ORDER BY last_seen DESC LIMIT ?", limit)
        after = word + "\U0010ffff"
        exact = self._identities(
            "folded >= ? AND folded < ? OR lower(id) = ? ORDER BY last_seen DESC LIMIT ?", word, after, word, limit
        )
        if len(exact) >= limit:
            return exact
        near = self._identities(
            "instr(folded, ?) OR instr(lower(id), ?) ORDER BY last_seen DESC LIMIT ?", word, word, limit
        )
        return list(dict.fromkeys([*exact, *near]))[:limit]

    def _identities(self, where: str, *values: object) -> list[KnownIdentity]:
        return [_identity(row) for row in self._ask(_IDENTITY, f"WHERE {where}", *values)]

    # -- hours

    def hours(
        self, actor: str, since: datetime = EPOCH, until: datetime = FOREVER, *, limit: int = 100_000
    ) -> Iterator[Hour]:
        """Yield the hours of one identity that begin in ``[since, until)``, oldest first."""
        rows = self._ask(
            _HOUR,
            "WHERE i.id = ? AND h.start >= ? AND h.start < ? ORDER BY h.start, h.late LIMIT ?",
            text(actor),
            unix(since),
            unix(until),
            limit,
        )
        return _hours(rows)

    def marks(
        self, actor: str, since: datetime = EPOCH, until: datetime = FOREVER, *, limit: int = 100_000
    ) -> list[HourMark]:
        """Return the same hours without their cells, oldest first."""
        return [
            _mark(row)
            for row in self._ask(
                _MARK,
                "WHERE i.id = ? AND h.start >= ? AND h.start < ? ORDER BY h.start, h.late LIMIT ?",
                text(actor),
                unix(since),
                unix(until),
                limit,
            )
        ]

    def unusual(
        self, since: datetime, until: datetime = FOREVER, *, least: float = 40.0, limit: int = MOST_ANSWERED
    ) -> list[HourMark]:
        """Return everybody's hours with a score of at least `least` (40 or more), the highest first."""
        return [
            _mark(row)
            for row in self._ask(
                _MARK,
                "WHERE h.score >= 40.0 AND"
                " h.start >= ? AND h.start < ? AND h.score >= ? ORDER BY h.score DESC, h.start, i.id LIMIT ?",
                unix(since),
                unix(until),
                least,
                limit,
            )
        ]

    def closed(self, since: datetime = EPOCH, records: int = 0) -> Iterator[tuple[Hour, ...]]:
        """Yield every bucket that was closed after a state, in order, with the hours of all identities in it.

        That is how the state learnt them: the crowd of a bucket is ``Crowd.of`` of all that is yielded of it.

        Parameters
        ----------
        since, records
            The state's watermark, and how many records it had applied.
        """
        order = self._ask(
            "SELECT records, start FROM hours",
            "WHERE start > ? - 86400.0 AND late = 0 AND ends > ? UNION"  # no bucket is longer than a day
            " SELECT records, start FROM hours WHERE late > 0 AND late > ? ORDER BY 1, 2",
            unix(since),
            unix(since),
            records,
        )
        for at, start in order:
            rows = self._ask(
                _HOUR,
                "WHERE h.start = ? AND h.records = ? ORDER BY i.id",
                start,
                at,
            )
            if rows:  # else they have been removed meanwhile
                yield tuple(_hours(rows))

    def span(self) -> tuple[datetime, datetime] | None:
        """Return the starts of the oldest and the newest bucket; None if there is none."""
        [(first, last)] = self._ask("SELECT min(start), max(start) FROM hours", "")
        return None if first is None else (_moment(first), _moment(last))

    # -- alerts

    def alerts(
        self,
        since: datetime = EPOCH,
        until: datetime = FOREVER,
        *,
        subject: str = "",
        least: Severity = Severity.INFORMATIONAL,
        limit: int = MOST_ANSWERED,
        offset: int = 0,
    ) -> list[AlertSummary]:
        """Return the alerts whose window begins in ``[since, until)``, newest first.

        Parameters
        ----------
        subject
            Only about this identity (its id) or operation (``operation/…``).
        least
            Only those that are at least that severe.
        """
        whose, values = ("AND subject = ? ", [text(subject)]) if subject else ("", [])
        if least.rank >= Severity.HIGH.rank:
            whose += "AND severity >= 3 "  # says that the index of the severe ones will do
        return self._alerts(
            f"window_start >= ? AND window_start < ? {whose}AND severity >= ? ORDER BY window_start DESC, id LIMIT ?"
            " OFFSET ?",
            unix(since),
            unix(until),
            *values,
            least.rank,
            limit,
            offset,
        )

    def alert(self, wanted: str) -> list[Alert]:
        """Return all revisions of an alert, oldest first; none if there is no such alert."""
        rows = self._ask("SELECT document FROM revisions", "WHERE alert = ? ORDER BY revision", text(wanted))
        found = []
        for (document,) in rows:
            with suppress(ValueError):
                found.append(unpack_model(Alert, document))
        return found

    def alerts_beginning(self, prefix: str, *, limit: int = 5) -> list[AlertSummary]:
        """Return the alerts whose id begins so."""
        return self._alerts("id >= ? AND id < ? ORDER BY id LIMIT ?", text(prefix), text(prefix) + "\U0010ffff", limit)

    def deliveries(self, alert: str) -> list[Attempt]:
        """Return every attempt to tell somebody of an alert, oldest first."""
        rows = self._ask(
            "SELECT alert, revision, sink, outcome, reason, at FROM deliveries",
            "WHERE alert = ? ORDER BY at, sink",
            text(alert),
        )
        return [Attempt(*row)._replace(at=_moment(row[-1])) for row in rows]

    def _alerts(self, where: str, *values: object) -> list[AlertSummary]:
        return [_summary(row) for row in self._ask(_ALERT, f"WHERE {where}", *values)]

    # -- incidents

    def incidents(
        self, since: datetime = EPOCH, until: datetime = FOREVER, *, subject: str = "", limit: int = 10_000
    ) -> list[Incident[AlertSummary]]:
        """Return the incidents with an alert whose window begins in ``[since, until)``, each whole, newest first.

        Of more than `limit` alerts the newest are looked at.
        """
        found = {one.id: one for one in self.alerts(since, until, subject=subject, limit=limit)}
        if found:
            begins = min(one.window_start for one in found.values())
            for one in {one.subject: one for one in sorted(found.values(), key=_by_window, reverse=True)}.values():
                if one.window_start - begins <= APART:
                    found |= {before.id: before for before in self._before(one)}
        return incidents(found.values(), self.handled())

    def incident(self, alert: str) -> Incident[AlertSummary] | None:
        """Return the incident that an alert belongs to."""
        for one in self._alerts("id = ?", text(alert)):
            together = [one, *self._before(one), *self._after(one)]
            return incidents(together, self.handled())[0]
        return None

    def handled(self) -> dict[str, Handling]:
        """Return what people have said of incidents, by the alert that it was said of."""
        rows = self._ask("SELECT alert, state, assignee, by, at FROM incidents", "")
        return {
            alert: Handling(IncidentState(state), assignee, by, _moment(at)) for alert, state, assignee, by, at in rows
        }

    def _before(self, alert: AlertSummary) -> Iterator[AlertSummary]:
        """Yield the alerts that lead up to this one without a pause that parts incidents."""
        begins = alert.window_start
        while True:
            found = self._alerts(
                "subject = ? AND window_start < ? AND window_end >= ?",
                text(alert.subject),
                unix(begins),
                unix(begins - APART),
            )
            if not found:
                return
            yield from found
            begins = min(one.window_start for one in found)

    def _after(self, alert: AlertSummary) -> Iterator[AlertSummary]:
        begins, ends = alert.window_start, alert.window_end
        while True:
            found = self._alerts(
                "subject = ? AND window_start > ? AND window_start <= ?",
                text(alert.subject),
                unix(begins),
                unix(ends + APART),
            )
            if not found:
                return
            yield from found
            begins = max(one.window_start for one in found)
            ends = max(ends, *(one.window_end for one in found))

    # -- what was not told, and what was not seen

    def suppressed(
        self, since: datetime = EPOCH, until: datetime = FOREVER, *, identity: str = "", limit: int = MOST_ANSWERED
    ) -> list[SuppressedFinding]:
        """Return what suppressions kept back of what happened in ``[since, until)``, newest first."""
        whose, values = ("AND identity = ? ", [text(identity)]) if identity else ("", [])
        rows = self._ask(
            "SELECT document FROM suppressed",
            f"WHERE time >= ? AND time < ? {whose}ORDER BY time DESC, id LIMIT ?",
            unix(since),
            unix(until),
            *values,
            limit,
        )
        found = []
        for (document,) in rows:
            with suppress(ValueError):
                found.append(unpack_suppressed(document))
        return found

    def gaps(self, since: datetime = EPOCH, until: datetime = FOREVER, *, limit: int = MOST_ANSWERED) -> list[Notice]:
        """Return the newest notice of each coverage gap that touches ``[since, until)``, the newest gap first."""
        rows = self._ask(
            "SELECT document FROM gaps",
            "WHERE since < ? AND (until IS NULL OR until >= ?) ORDER BY since DESC, id LIMIT ?",
            unix(until),
            unix(since),
            limit,
        )
        found = []
        for (document,) in rows:
            with suppress(ValueError):
                found.append(unpack_model(Notice, document))
        return found

    def _ask(self, columns: str, rows: str, *values: object) -> list[Any]:
        with self._opened() as connection:
            return connection.execute(f"{columns} {rows}", values).fetchall()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                there = self.path.stat()
                file = (there.st_dev, there.st_ino)
            except OSError:
                file = None
            if self._connection is None or file != self._file:
                self.close()
                self._connection, self._file = open_to_read(self.path), file
            try:
                yield self._connection
            except sqlite3.Error as error:
                self.close()
                raise NoHistory(f"{self.path}: {error}") from None


def _hours(rows: Sequence[Any]) -> Iterator[Hour]:
    for document, records, late in rows:
        with suppress(ValueError):
            yield unpack_hour(document, records, late=bool(late))


def _mark(row: Any) -> HourMark:
    id_, name, kind, start, cells, score, detector, action, late = row
    return HourMark(Actor(id_, name, ActorKind(kind)), _moment(start), cells, score, detector, action, bool(late))


def _identity(row: Any) -> KnownIdentity:
    id_, name, kind, first_seen, last_seen = row
    return KnownIdentity(Actor(id_, name, ActorKind(kind)), _moment(first_seen), _moment(last_seen))


def _summary(row: Any) -> AlertSummary:
    one = AlertSummary(*row)
    return one._replace(
        kind=ActorKind(one.kind),
        window_start=_moment(row[6]),
        window_end=_moment(row[7]),
        first_found_at=_moment(row[8]),
        found_at=_moment(row[9]),
        severity=_SEVERITIES[row[11]],
    )


def _by_window(one: AlertSummary) -> tuple[datetime, str]:
    return one.window_start, one.id


def _moment(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)
