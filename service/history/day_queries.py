"""Asks how unusual days were, for everybody at once: peaks, how many were active, and lanes of days by identity."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from models.stream import Actor, ActorBucket, ActorKind
from service.core.alerting import Peak, day_begins, day_number
from service.history.asking import FOREVER, moment_of, readable
from service.history.hour_queries import HOUR_ROWS, HourQueries, hours_of
from service.history.packing import text, unpack_peaks, unpack_seen
from service.history.values import Hour, Lane, LaneDay
from service.history.writing import unix

MOST_PEAKS = 20_000
_UNSETTLED_DAYS = 2
"""How many days before the newest may yet get late hours."""
_MOMENT = timedelta(microseconds=1)
_KINDS = {kind.value: kind for kind in ActorKind}


class DayQueries(HourQueries):
    """Questions about days."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        # By the beginning of history: in another one, or once the oldest is gone, all is counted again.
        self._active_of: dict[datetime, dict[int, int]] = {}

    def peaks(
        self, since: datetime, until: datetime = FOREVER, *, least: float = 40.0, limit: int = MOST_PEAKS
    ) -> list[Peak]:
        """Return everybody's hours with a score of at least `least` (40 or more), by each detector, oldest first.

        What a suppression kept back is left out; of too many, the newest are returned.
        """
        rows = self._ask(
            "SELECT i.id, i.name, i.kind, h.start, h.peaks FROM hours h JOIN identities i ON i.key = h.identity",
            "WHERE h.score >= 40.0 AND h.start >= ? AND h.start < ? AND h.score >= ? AND h.peaks != ''"
            " ORDER BY h.start DESC, h.identity LIMIT ?",
            unix(since),
            unix(until),
            least,
            limit,
        )
        actors: dict[str, Actor] = {}  # thousands of hours are those of fewer identities, at fewer times
        starts: dict[float, datetime] = {}

        def peak(row: Any) -> Peak:
            id_, name, kind, start, peaks = row
            actor, begins = actors.get(id_), starts.get(start)
            if actor is None:
                actor = actors[id_] = Actor(id_, name, _KINDS[kind])
            if begins is None:
                begins = starts[start] = moment_of(start)
            return Peak(actor, begins, unpack_peaks(peaks))

        return list(readable(peak, reversed(rows)))

    def telling(
        self, since: datetime, until: datetime = FOREVER, *, least: float, identity: str = "", limit: int = 5_000
    ) -> list[Hour]:
        """Return the hours of everybody, or of one, with a score of at least `least` (40 or more), the newest first."""
        whose, values = ("AND i.id = ? ", [text(identity)]) if identity else ("", [])
        rows = self._ask(
            HOUR_ROWS,
            f"WHERE h.score >= 40.0 AND h.start >= ? AND h.start < ? AND h.score >= ? {whose}"
            "ORDER BY h.start DESC, h.identity LIMIT ?",
            unix(since),
            unix(until),
            least,
            *values,
            limit,
        )
        return list(hours_of(rows))

    def done(
        self, since: datetime, until: datetime = FOREVER, *, least: float, limit: int = 5_000
    ) -> list[ActorBucket]:
        """Return what was done in everybody's hours with a score of at least `least` (40 or more), the newest first."""
        rows = self._ask(
            "SELECT document FROM hours",
            "WHERE score >= 40.0 AND start >= ? AND start < ? AND score >= ? ORDER BY start DESC, identity LIMIT ?",
            unix(since),
            unix(until),
            least,
            limit,
        )
        return list(readable(lambda row: unpack_seen(row[0]), rows))

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

    def unusual_days(self, since: datetime, until: datetime = FOREVER, *, least: float = 40.0) -> dict[int, int]:
        """Return how many identities had an hour with a score of at least `least` (40 or more), by the day's number."""
        rows = self._ask(
            "SELECT CAST(start / 86400.0 AS INTEGER), count(DISTINCT identity) FROM hours",
            "WHERE score >= 40.0 AND start >= ? AND start < ? AND score >= ? GROUP BY 1 ORDER BY 1",
            unix(since),
            unix(until),
            least,
        )
        return dict(rows)

    def lanes(
        self,
        since: datetime,
        until: datetime = FOREVER,
        *,
        among: Sequence[str] | None = None,
        limit: int = 30,
        offset: int = 0,
    ) -> list[Lane]:
        """Return identities with what each of their days came to, whose highest score is the highest first.

        Parameters
        ----------
        among
            Ids of those that are asked for; everybody with a score of 40 or more otherwise.
        """
        if among is None:
            whose, values = "score >= 40.0", []
        else:
            whose, values = "identity IN (SELECT value FROM json_each(?))", [self._keys_of(among)]
        order = self._ask(
            "SELECT identity FROM hours",
            f"WHERE {whose} AND start >= ? AND start < ? GROUP BY identity"
            " ORDER BY max(score) DESC, identity LIMIT ? OFFSET ?",
            *values,
            unix(since),
            unix(until),
            limit,
            offset,
        )
        shown = [key for (key,) in order]
        rows = self._ask(
            "SELECT identity, CAST(start / 86400.0 AS INTEGER), max(score), count(*) FROM hours",
            "WHERE identity IN (SELECT value FROM json_each(?)) AND start >= ? AND start < ? GROUP BY 1, 2 ORDER BY 2",
            json.dumps(shown),
            unix(since),
            unix(until),
        )
        people = dict(
            self._ask(
                "SELECT key, json_array(id, name, kind) FROM identities",
                "WHERE key IN (SELECT value FROM json_each(?))",
                json.dumps(shown),
            )
        )
        days: dict[int, list[LaneDay]] = {}
        for key, day, score, hours in rows:
            days.setdefault(key, []).append(LaneDay(day_begins(day), score, hours))
        return [Lane(_actor(people[key]), tuple(days.get(key, ()))) for key in shown if key in people]

    def _keys_of(self, ids: Sequence[str]) -> str:
        rows = self._ask(
            "SELECT key FROM identities",
            "WHERE id IN (SELECT value FROM json_each(?))",
            json.dumps([text(one) for one in ids]),
        )
        return json.dumps([key for (key,) in rows])


def _actor(packed: str) -> Actor:
    id_, name, kind = json.loads(packed)
    return Actor(id_, name, ActorKind(kind))
