"""Asks for identities, and for what they did hour by hour."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from models.stream import EPOCH, Actor, ActorKind
from service.history.asking import FOREVER, MOST_ANSWERED, Queries, moment_of, readable
from service.history.packing import text, unpack_hour
from service.history.values import Hour, HourMark, KnownIdentity
from service.history.writing import unix

_MARK = (
    "SELECT i.id, i.name, i.kind, h.start, h.cells, h.score, h.detector, h.action, h.late"
    " FROM hours h JOIN identities i ON i.key = h.identity"
)
HOUR_ROWS = "SELECT h.document, h.records, h.late FROM hours h JOIN identities i ON i.key = h.identity"
_IDENTITY = "SELECT id, name, kind, first_seen, last_seen FROM identities"


class HourQueries(Queries):
    """Questions about identities and their hours."""

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
            HOUR_ROWS,
            "WHERE i.id = ? AND h.start >= ? AND h.start < ? ORDER BY h.start, h.late LIMIT ?",
            text(actor),
            unix(since),
            unix(until),
            limit,
        )
        return hours_of(rows)

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
                HOUR_ROWS,
                "WHERE h.start = ? AND h.records = ? ORDER BY i.id",
                start,
                at,
            )
            if rows:  # else they have been removed meanwhile
                yield tuple(hours_of(rows))

    def span(self) -> tuple[datetime, datetime] | None:
        """Return the starts of the oldest and the newest bucket; None if there is none."""
        [(first, last)] = self._ask(
            "SELECT (SELECT min(start) FROM hours), (SELECT max(start) FROM hours)", ""
        )  # each by the index
        return None if first is None else (moment_of(first), moment_of(last))


def hours_of(rows: Sequence[Any]) -> Iterator[Hour]:
    """Yield what rows of `HOUR_ROWS` hold; one that is damaged costs only itself."""
    for document, records, late in rows:
        with suppress(ValueError):
            yield unpack_hour(document, records, late=bool(late))


def _mark(row: Any) -> HourMark:
    id_, name, kind, start, cells, score, detector, action, late = row
    return HourMark(Actor(id_, name, ActorKind(kind)), moment_of(start), cells, score, detector, action, bool(late))


def _identity(row: Any) -> KnownIdentity:
    id_, name, kind, first_seen, last_seen = row
    return KnownIdentity(Actor(id_, name, ActorKind(kind)), moment_of(first_seen), moment_of(last_seen))
