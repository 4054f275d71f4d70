"""Divides a span of history into pieces that are fetched, kept and resumed one by one: a day each of every origin."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

_DAY = timedelta(days=1)


class Chunk(NamedTuple):
    """The records of one origin, a subscription or a workspace, of ``[since, until]``, within one day (UTC)."""

    origin: str
    since: datetime
    until: datetime

    @property
    def name(self) -> str:
        """Name of its file: equal for the same records, so that what has been fetched is not fetched again.

        >>> Chunk("s1", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)).name
        's1.20260301T000000-20260302T000000'
        """
        return f"{quote(self.origin, safe='')}.{self.since:%Y%m%dT%H%M%S}-{self.until:%Y%m%dT%H%M%S}"


def chunks_of(origins: Iterable[str], since: datetime, until: datetime) -> Iterator[Chunk]:
    """Yield the chunks of ``[since, until]``, the oldest first: a run that is cut short has whole days.

    >>> first = datetime(2026, 3, 1, 22, tzinfo=UTC)
    >>> [(one.origin, one.since.hour, one.until.hour) for one in chunks_of("ab", first, first + _DAY / 6)]
    [('a', 22, 0), ('b', 22, 0), ('a', 0, 2), ('b', 0, 2)]
    """
    names = sorted(set(origins))
    begin = since
    while begin < until:
        midnight = datetime(begin.year, begin.month, begin.day, tzinfo=UTC) + _DAY
        end = min(midnight, until)
        for name in names:
            yield Chunk(name, begin, end)
        begin = end
