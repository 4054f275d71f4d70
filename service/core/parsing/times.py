"""When: the ways in which senders write an instant, made one."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from service.core.parsing.rejects import Refusal, RejectReason

_DOT_NET = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})\s(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?:[\s\u202f]([AaPp])[Mm])?"
    r"(?:\s?(Z|UTC|GMT|[+-]\d{2}:?\d{2}))?",
    re.ASCII,
)


_EPOCH = re.compile(r"\\?/Date\((?P<dated>-?\d{1,17})(?:[+-]\d{4})?\)\\?/|(?P<number>\d{9,13}(?:\.\d{1,9})?)", re.ASCII)
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800  # the years 2000 to 2099, in seconds
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_RFC_1123 = re.compile(
    r"(?:[A-Za-z]{3,9},\s*)?(\d{1,2})\s(" + "|".join(_MONTHS) + r")\s(\d{4})\s(\d{2}):(\d{2}):(\d{2})"
    r"\s(GMT|UTC|Z|[+-]\d{2}:?\d{2})",
    re.ASCII | re.IGNORECASE,
)


def read_time(text: str) -> datetime:
    """Return the instant that `text` names, aware UTC, in microseconds (a seventh digit is cut, not rounded).

    ISO 8601 must carry an offset or Z. ``M/d/yyyy h:mm:ss tt`` and ``M/d/yyyy H:mm:ss`` without an offset are UTC:
    that is how Azure's own exports write the activity log's UTC times. Also RFC 1123 (``Sat, 07 Mar 2026 10:00:00
    GMT``), seconds or milliseconds since 1970, and the latter as .NET writes them (``/Date(1772877600000+0100)/``:
    the offset says where it was written and does not move the instant). Any other time without a zone is refused,
    because guessing would move an event by hours; so are seconds and milliseconds outside the years 2000 to 2099.

    Raises
    ------
    Refusal
        BAD_TIME.

    Examples
    --------
    >>> read_time("2019-01-21T22:14:26.9792776Z").isoformat()
    '2019-01-21T22:14:26.979277+00:00'
    >>> read_time("1/21/2019 10:14:26 PM").isoformat()
    '2019-01-21T22:14:26+00:00'
    >>> read_time("/Date(1548108866979)/").isoformat()
    '2019-01-21T22:14:26.979000+00:00'
    """
    text = text.strip()
    try:
        moment = _read_epoch(text) or _read_dot_net(text) or _read_rfc_1123(text) or _read_iso(text)
        if moment.tzinfo is None:
            raise Refusal(RejectReason.BAD_TIME, f"no time zone in {text!r}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refusal(RejectReason.BAD_TIME, f"cannot read {text[:64]!r}") from error


def _read_iso(text: str) -> datetime:
    day, hour, zone = text.partition(" UTC")
    if hour and not zone:
        text = day + "Z"
    if text[4:5] == text[7:8] == "/":
        text = text.replace("/", "-", 2)
    date, blank, rest = text.partition(" ")
    return datetime.fromisoformat(date + blank + rest.replace(" ", ""))


def _read_epoch(text: str) -> datetime | None:
    match = _EPOCH.fullmatch(text)
    if match is None:
        return None
    number = Decimal(match["dated"] or match["number"])
    for unit in (1000,) if match["dated"] else (1, 1000):
        if _EARLIEST <= number / unit < _LATEST:
            whole, rest = divmod(number * 1_000_000 // unit, 1_000_000)
            return datetime.fromtimestamp(int(whole), UTC).replace(microsecond=int(rest))
    raise ValueError(text)


def _read_rfc_1123(text: str) -> datetime | None:
    match = _RFC_1123.fullmatch(text)
    if match is None:
        return None
    day, month, year, hour, minute, second, zone = match.groups()
    number = 1 + _MONTHS.index(month.lower())
    return datetime(int(year), number, int(day), int(hour), int(minute), int(second), tzinfo=_zone(zone))


def _read_dot_net(text: str) -> datetime | None:
    match = _DOT_NET.fullmatch(text)
    if match is None:
        return None
    month, day, year, hour, minute, second, fraction, half, zone = match.groups()
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(hours)
        hours = hours % 12 + (12 if half in "pP" else 0)
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    return datetime(int(year), int(month), int(day), hours, int(minute), int(second or 0), microsecond, _zone(zone))


def _zone(text: str | None) -> timezone:
    if text is None or text.isalpha():
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
