"""Asks for what was told, what belongs together, what was kept back, and what was not seen."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from models.statistics import Severity
from models.stream import EPOCH, ActorKind
from service.core.alerting import Alert, SuppressedFinding
from service.core.incidents import APART, GivenVerdict, Handling, Incident, IncidentState, incidents
from service.core.notices import Notice
from service.core.verdicts import VerdictKind
from service.history.asking import FOREVER, MOST_ANSWERED, Queries, moment_of, readable
from service.history.packing import ToldAlert, text, unpack_model, unpack_suppressed, unpack_told
from service.history.values import AlertSummary, Attempt
from service.history.writing import unix

_SEVERITIES = tuple(Severity)
_ALERT = (
    "SELECT id, revision, subject, name, kind, operation, window_start, window_end, first_found_at, found_at, score,"
    " severity, title, action, findings FROM alerts"
)


class AlertQueries(Queries):
    """Questions about alerts, incidents, suppressed findings and coverage gaps."""

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

    def newest_revisions(self, wanted: Iterable[str]) -> list[Alert]:
        """Return the newest revision of each alert, in the order of their ids."""
        return list(readable(lambda row: unpack_model(Alert, row[0]), self._newest(wanted)))

    def told(self, wanted: Iterable[str]) -> list[ToldAlert]:
        """Return the same with what lists and searches need of it."""
        return list(readable(lambda row: unpack_told(row[0]), self._newest(wanted)))

    def _newest(self, wanted: Iterable[str]) -> list[Any]:
        return self._ask(
            "SELECT document FROM revisions r JOIN alerts a ON a.id = r.alert AND a.revision = r.revision",
            "WHERE a.id IN (SELECT value FROM json_each(?)) ORDER BY a.id",
            json.dumps(list(map(text, wanted))),
        )

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
        return list(readable(lambda row: Attempt(*row)._replace(at=moment_of(row[-1])), rows))

    def _alerts(self, where: str, *values: object) -> list[AlertSummary]:
        return list(readable(_summary, self._ask(_ALERT, f"WHERE {where}", *values)))

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
        return incidents(found.values(), self.handled(), self.answers(found))

    def incident(self, alert: str) -> Incident[AlertSummary] | None:
        """Return the incident that an alert belongs to."""
        for one in self._alerts("id = ?", text(alert)):
            together = [one, *self._before(one), *self._after(one)]
            return incidents(together, self.handled(), self.answers([each.id for each in together]))[0]
        return None

    def newest_word(self) -> str:
        """Return a word that is another one whenever an alert was told, or judged, or an incident was handled."""
        [newest] = self._ask(
            "SELECT (SELECT max(rowid) FROM revisions), (SELECT max(rowid) FROM incidents),"
            " (SELECT max(rowid) FROM verdicts)",
            "",
        )
        return ".".join(str(number or 0) for number in newest)

    def handled(self) -> dict[str, Handling]:
        """Return how far people have set that they are with incidents, by the alert that it was set of."""
        rows = self._ask("SELECT alert, state, assignee, by, at FROM incidents", "")
        return dict(readable(_handling, rows))

    def answers(self, wanted: Iterable[str]) -> dict[str, GivenVerdict]:
        """Return the verdicts on these alerts, the last of each, by the id of the alert."""
        rows = self._ask(
            "SELECT alert, kind, by, at FROM verdicts",
            "WHERE alert IN (SELECT value FROM json_each(?)) ORDER BY at, id",
            json.dumps(list(map(text, wanted))),
        )
        return dict(readable(_answer, rows))

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


def _summary(row: Any) -> AlertSummary:
    one = AlertSummary(*row)
    return one._replace(
        kind=ActorKind(one.kind),
        window_start=moment_of(row[6]),
        window_end=moment_of(row[7]),
        first_found_at=moment_of(row[8]),
        found_at=moment_of(row[9]),
        severity=_SEVERITIES[row[11]],
    )


def _handling(row: Any) -> tuple[str, Handling]:
    alert, state, assignee, by, at = row
    return alert, Handling(IncidentState(state), assignee, by, moment_of(at))


def _answer(row: Any) -> tuple[str, GivenVerdict]:
    alert, kind, by, at = row
    return alert, GivenVerdict(VerdictKind(kind) is not VerdictKind.MALICIOUS, by, moment_of(at))


def _by_window(one: AlertSummary) -> tuple[datetime, str]:
    return one.window_start, one.id
