"""One suppression as it is written: what each key may hold, and what is wrong with it otherwise, a line each.

A line says what was given, and what may stand there; names of people and prose are not repeated. Where in a file an
entry stands is known to `file`; what a suppression does is decided in `service.core.alerting`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any

from models.detectors import DETECTORS
from models.stream import EPOCH
from service.core.alerting import Suppression, UnusableSuppressions
from service.options import parse_duration

LONGEST = timedelta(days=90)
LONGEST_TEXT = 500
MOST_SHOWN = 40
"""Characters repeated of what was given."""

SELECTORS = ("actor", "action", "subscription", "detector")
KEYS = (*SELECTORS, "from", "until", "reason", "owner", "learn")
UNREPEATED = frozenset({"actor", "owner", "reason"})
"""What was given for these is not repeated: it names people, or is prose."""

_SUBSCRIPTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|managementgroups/[^/\s]+", re.IGNORECASE)
_TIME = f"should be a time with its offset such as 2026-03-01T18:00:00Z, at most {LONGEST.days} days ahead"
_LEARN = "should be true (what is covered becomes normal) or false (as if it had never happened)"


class Checked:
    """One entry: itself, or what is wrong with it.

    Parameters
    ----------
    where
        What each line begins with.
    values
        What was read.
    now
        No suppression may end more than 90 days after it, or after its own beginning.

    Attributes
    ----------
    problems
        Lines, for every key that has one.
    entry
        None if there are any.
    """

    def __init__(self, where: str, values: Any, now: datetime) -> None:
        self.problems: list[str] = []
        self.entry: Suppression | None = None
        self._where = where
        if isinstance(values, Mapping):
            self._values = values
            self.entry = self._check(now)
        else:
            self._complain("", f"should be a mapping of {', '.join(KEYS)}")

    def _check(self, now: datetime) -> Suppression | None:
        self._check_keys()
        selected = {key: self._take(key, _CHECKS[key]) or "" for key in SELECTORS}
        if not self.problems and not any(selected.values()):
            self._complain("", f"should name at least one of {', '.join(SELECTORS)}: it would cover everything")
        begins = self._take("from", _instant) or EPOCH
        until = self._take("until", _instant, required=_TIME)
        reason = self._take("reason", _prose, required="should say why, for whoever reads this in a month")
        owner = self._take("owner", _prose, required="should say who answers for it")
        learn = self._take("learn", _choice, required=_LEARN)
        if until is not None:
            self._check_window(begins, until, now)
        if self.problems:
            return None
        return Suppression(**selected, begins=begins, until=until, reason=reason, owner=owner, learn=learn)

    def _check_keys(self) -> None:
        for key in self._values:
            if key not in KEYS:
                near = get_close_matches(str(key), KEYS, n=1)
                hint = f"did you mean {near[0]}? " if near else ""
                self._complain(quoted(key), f"no such key; {hint}(there are {', '.join(KEYS)})")

    def _take(self, key: str, check: Callable[[Any], Any], required: str = "") -> Any:
        """Return the checked value of a key; None if it is absent or wrong, which is noted unless it may be absent."""
        given = self._values.get(key)
        if given is None:
            if required:
                self._complain(key, f"is missing; {required}")
            return None
        try:
            return check(given)
        except ValueError as error:
            said = "" if key in UNREPEATED or isinstance(given, list | dict) else f"given {quoted(given)}; "
            self._complain(key, f"{said}{error}")
            return None

    def _check_window(self, begins: datetime, until: datetime, now: datetime) -> None:
        given = f"given {until.isoformat()}; "
        if until <= begins:
            self._complain("until", f"{given}should be later than from, {begins.isoformat()}")
        elif until - max(begins, now) > LONGEST:
            since_when = "from" if begins > now else "now"
            self._complain(
                "until", f"{given}should be at most {LONGEST.days} days after {since_when}: renew it when due"
            )

    def _complain(self, key: str, problem: str) -> None:
        self.problems.append(f"{self._where}{'.' if key else ''}{key}: {problem}")


def quoted(value: object) -> str:
    """Return what was given so that it can be repeated: one line, cut off, without control characters."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f"'{text[:MOST_SHOWN]}{'…' if len(text) > MOST_SHOWN else ''}'"


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("should be a text")
    text = value.strip()
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"should have {LONGEST_TEXT} characters at most")
    if not text.isprintable():
        raise ValueError("should have no control characters in it")
    return text


def _prose(value: object) -> str:
    return _text(" ".join(value.split()) if isinstance(value, str) else value)


def _actor(value: object) -> str:
    text = _text(value)
    if "*" in text:
        raise ValueError("should be one identity's id or name, as alerts show it, without any wildcard")
    return text


def _action(value: object) -> str:
    text = _text(value)
    if not any(letter.isalnum() for letter in text):
        raise ValueError("should be an operation such as Microsoft.Compute/*, with more than wildcards in it")
    return text


def _subscription(value: object) -> str:
    text = _text(value)
    if not _SUBSCRIPTION.fullmatch(text):
        raise ValueError("should be a subscription's id such as 0b1f6471-1bf0-4dda-aec3-cb9272f09590, not its name")
    return text


def _detector(value: object) -> str:
    text = _text(value)
    if text not in DETECTORS:
        raise ValueError(f"should be one of {', '.join(sorted(DETECTORS))}")
    return text


def _instant(value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(value))
    except ValueError:
        raise ValueError(_TIME) from None
    if instant.tzinfo is None:
        raise ValueError(_TIME)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(_TIME) from None


def _choice(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(_LEARN)  # noqa: TRY004 - a wrong value of the file, not of the code
    return value


_CHECKS: Mapping[str, Callable[[Any], str]] = {
    "actor": _actor,
    "action": _action,
    "subscription": _subscription,
    "detector": _detector,
}


def checked_values(values: Mapping[str, Any], now: datetime) -> Suppression:
    """Return one entry given by itself.

    Raises
    ------
    UnusableSuppressions
        With what is wrong; each line begins with the key.
    """
    checked = Checked("", values, now)
    if checked.entry is None:
        raise UnusableSuppressions([problem.lstrip(".:").lstrip() for problem in checked.problems])
    return checked.entry


def described(entry: Suppression) -> Iterable[tuple[str, str]]:
    """Yield an entry's keys and values as they stand in a file, what restricts nothing left out."""
    for key in SELECTORS:
        if text := getattr(entry, key):
            yield key, text
    if entry.begins != EPOCH:
        yield "from", written(entry.begins)
    yield "until", written(entry.until)
    yield "reason", entry.reason
    yield "owner", entry.owner
    yield "learn", "true" if entry.learn else "false"


def end_of(begins: str, until: str) -> str:
    """Return an end that may be given as a duration, as a time; what is neither is returned as it is.

    >>> end_of("2026-03-01T18:00:00Z", "8h"), end_of("2026-03-01T18:00:00Z", "tomorrow")
    ('2026-03-02T02:00:00Z', 'tomorrow')
    """
    try:
        return written(datetime.fromisoformat(begins) + parse_duration(until, unit=True))
    except (ValueError, OverflowError):
        return until


def written(time: datetime) -> str:
    """Return a time as people write it into the file.

    >>> written(datetime(2026, 3, 1, 18, tzinfo=UTC))
    '2026-03-01T18:00:00Z'
    """
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
