"""Times in the columns of a table that are UTC by their heading, in whichever country's manner they were exported.

The portal and PowerShell write the same moment as ``3/7/2026, 10:00:00 AM``, ``07/03/2026, 10:00:00`` or ``07.03.2026
10:00:00``, as the settings of whoever exports it have it. Dots and hyphens before a year are written by those who put
the day first; where strokes are, it is for the rows to say, and for the manner where they do not.
"""

import re
from collections.abc import Iterable

_WRITTEN = re.compile(
    r"(?:(?P<year>\d{4})(?P<by>[-/.])\ ?(?P<month>\d{1,2})(?P=by)\ ?(?P<day>\d{1,2})\.?"
    r"|(?P<first>\d{1,2})(?P<mark>[-/.])\ ?(?P<second>\d{1,2})(?P=mark)\ ?(?P<last>\d{4}))"
    r"(?P<gap>,?[\sT]\s*)(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<seconds>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[ap])\.?\s?m\.?)?(?:\s?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}))?",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_SPACES = str.maketrans(dict.fromkeys("\u00a0\u202f\u2009\u200e\u200f", " "))


def has_day_first(texts: Iterable[str]) -> bool | None:
    """Return whether days come before months in times with strokes, or None if none of them tells.

    A number beyond 12 can be no month. Where there is none, a comma before a time of 24 hours is how browsers write it
    for those who put the day first; where months come first, they write AM and PM.

    >>> has_day_first(["03/07/2026, 10:00:00", "13/07/2026, 10:00:00"]), has_day_first(["3/13/2026 10:00:00"])
    (True, False)
    >>> has_day_first(["03/07/2026, 10:00:00.123"]), has_day_first(["03/07/2026 10:00:00"])
    (True, None)
    """
    manner: bool | None = False
    for text in texts:
        found = _WRITTEN.fullmatch(text.translate(_SPACES).strip())
        if found and found["mark"] == "/":
            if (first_is_day := int(found["first"]) > 12) or int(found["second"]) > 12:
                return first_is_day
            manner = manner or (True if "," in found["gap"] and not found["half"] else None)
    return manner


def in_utc(text: str, *, day_first: bool = False) -> str:
    """Return a time of a column that is UTC by its heading in ISO 8601; as it is, if it is written in no known manner.

    >>> in_utc("3/7/2026, 10:00:00.123 PM"), in_utc("2026-03-07T10:00:00.123"), in_utc("7.3.2026, 10:00:00,5")
    ('2026-03-07T22:00:00.123Z', '2026-03-07T10:00:00.123Z', '2026-03-07T10:00:00.5Z')
    >>> in_utc("07/03/2026 10:00", day_first=True), in_utc("2026/3/7 10:00:00 +02:00"), in_utc("yesterday")
    ('2026-03-07T10:00:00Z', '2026-03-07T10:00:00+02:00', 'yesterday')
    """
    text = text.translate(_SPACES).strip()
    found = _WRITTEN.fullmatch(text)
    if not found:
        return text
    if found["year"]:
        year, month, day = found["year"], found["month"], found["day"]
    else:
        year, month, day = found["last"], found["first"], found["second"]
        if found["mark"] != "/" or day_first:
            month, day = day, month
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= 12:
            return text
        hour = hour % 12 + (12 if found["half"] in "pP" else 0)
    fraction = f".{found['fraction']}" if found["fraction"] else ""
    zone = found["zone"] or "Z"
    return (
        f"{year}-{month:0>2}-{day:0>2}T{hour:02}:{found['minute']}:{found['seconds'] or '00'}{fraction}"
        f"{'Z' if zone.isalpha() else zone}"
    )
