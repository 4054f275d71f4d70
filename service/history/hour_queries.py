"""Asks for identities, and for what they did hour by hour."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from models.stream import EPOCH, Actor, ActorKind
from service.core.alerting import Peak, day_begins, day_number
from service.history.asking import FOREVER, MOST_ANSWERED, Queries, moment_of, readable
from service.history.packing import text, unpack_hour
from service.history.values import Hour, HourMark, KnownIdentity
from service.history.writing import unix

_MARK = (
    "SELECT i.id, i.name, i.kind, h.start, h.cells, h.score, h.detector, h.action, h.late"
    " FROM hours h JOIN identities i ON i.key = h.identity"
)
_HOUR = "SELECT h.document, h.records, h.late FROM hours h JOIN identities i ON i.key = h.identity"
MOST_PEAKS = 20_000
_UNSETTLED_DAYS = 2
"""How many days before the newest may yet get late hours."""
_MOMENT = timedelta(microseconds=1)
_IDENTITY = "SELECT id, name, kind, first_seen, last_seen FROM identities"


class HourQueries(Queries):
    """Questions about identities and their hours."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        # By the beginning of history: in another one, or once the oldest is gone, all is counted anew.
        self._active_of: dict[datetime, dict[int, int]] = {}

    def identity(self, wanted: str) -> KnownIdentity | None:
        """Return the identity with that id."""
        return next(readable(_identity, self._ask(_IDENTITY, "WHERE id = ?", text(wanted))), None)

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
        return list(readable(_identity, self._ask(_IDENTITY, f"WHERE {where}", *values)))

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
        rows = self._ask(
            _MARK,
            "WHERE i.id = ? AND h.start >= ? AND h.start < ? ORDER BY h.start, h.late LIMIT ?",
            text(actor),
            unix(since),
            unix(until),
            limit,
        )
        return list(readable(_mark, rows))

    def unusual(
        self, since: datetime, until: datetime = FOREVER, *, least: float = 40.0, limit: int = MOST_ANSWERED
    ) -> list[HourMark]:
        """Return everybody's hours with a score of at least `least` (40 or more), the highest first."""
        rows = self._ask(
            _MARK,
            "WHERE h.score >= 40.0 AND"
            " h.start >= ? AND h.start < ? AND h.score >= ? ORDER BY h.score DESC, h.start, i.id LIMIT ?",
            unix(since),
            unix(until),
            least,
            limit,
        )
        return list(readable(_mark, rows))

    def peaks(
        self, since: datetime, until: datetime = FOREVER, *, least: float = 40.0, limit: int = MOST_PEAKS
    ) -> list[Peak]:
        """Return everybody's hours with a score of at least `least` (40 or more), by each detector, oldest first.

        What a suppression kept back is left out; of too many, the newest are returned.
        """
        rows = self._ask(
            _HOUR,
            "WHERE h.score >= 40.0 AND h.start >= ? AND h.start < ? AND h.score >= ?"
            " ORDER BY h.start DESC, h.identity LIMIT ?",
            unix(since),
            unix(until),
            least,
            limit,
        )
        return [_peak(hour) for hour in _hours(rows)][::-1]

    def telling(
        self, since: datetime, until: datetime = FOREVER, *, least: float, identity: str = "", limit: int = 5_000
    ) -> list[Hour]:
        """Return the hours of everybody, or of one, with a score of at least `least` (40 or more), the newest first."""
        whose, values = ("AND i.id = ? ", [text(identity)]) if identity else ("", [])
        rows = self._ask(
            _HOUR,
            f"WHERE h.score >= 40.0 AND h.start >= ? AND h.start < ? AND h.score >= ? {whose}"
            "ORDER BY h.start DESC, h.identity LIMIT ?",
            unix(since),
            unix(until),
            least,
            *values,
            limit,
        )
        return list(_hours(rows))

    def active(self, since: datetime, until: datetime = FOREVER) -> dict[int, int]:
        """Return how many identities did anything on each day that begins in ``[since, until)``, by the day's number.

        No day without any. What has been counted of a day to which nothing is added any more is remembered.
        """
        span = self.span()
        if span is None:
            return {}
        days = range(day_number(max(since, span[0])), day_number(min(until - _MOMENT, span[1])) + 1)
        settled = day_number(span[1]) - _UNSETTLED_DAYS
        known = self._active_of.get(span[0], {})
        found = {day: count if (count := known.get(day)) is not None else self._active_on(day) for day in days}
        self._active_of = {span[0]: {day: count for day, count in {**known, **found}.items() if day < settled}}
        return {day: count for day, count in found.items() if count}

    def _active_on(self, day: int) -> int:
        begins = unix(day_begins(day))
        [(count,)] = self._ask(
            "SELECT count(DISTINCT identity) FROM hours", "WHERE start >= ? AND start < ?", begins, begins + 86_400.0
        )
        return int(count)

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
        [(first, last)] = self._ask(
            "SELECT (SELECT min(start) FROM hours), (SELECT max(start) FROM hours)", ""
        )  # each by the index
        return None if first is None else (moment_of(first), moment_of(last))


def _hours(rows: Sequence[Any]) -> Iterator[Hour]:
    for document, records, late in rows:
        with suppress(ValueError):
            yield unpack_hour(document, records, late=bool(late))


def _peak(hour: Hour) -> Peak:
    scores: dict[str, tuple[float, str]] = {}
    for one in hour.anomalies:
        if one.score > scores.get(one.detector, (0.0, ""))[0]:
            scores[one.detector] = (one.score, one.cell.action_name)
    return Peak(hour.seen.actor, hour.seen.bucket.start, scores)


def _mark(row: Any) -> HourMark:
    id_, name, kind, start, cells, score, detector, action, late = row
    return HourMark(Actor(id_, name, ActorKind(kind)), moment_of(start), cells, score, detector, action, bool(late))


def _identity(row: Any) -> KnownIdentity:
    id_, name, kind, first_seen, last_seen = row
    return KnownIdentity(Actor(id_, name, ActorKind(kind)), moment_of(first_seen), moment_of(last_seen))
