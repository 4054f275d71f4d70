"""Turns values of the log into words that are safe to show anywhere: cleaned, clipped, and in plain English.

Escaping for one receiver's own syntax (Slack's angle brackets, a terminal's colours) stays with that sink.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "…"

_SPACE = re.compile(r"\s+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_VERBS = {"write": "create or change", "delete": "delete", "read": "read"}


def clean(text: str, limit: int, *, keep_end: bool = False) -> str:
    r"""Return `text` on one line, its hidden characters made visible, at most `limit` bytes of UTF-8 long.

    Parameters
    ----------
    text
        Anything, however hostile.
    limit
        Longest result in bytes, so that a name written in emoji cannot crowd out the rest; at least 9.
    keep_end
        Clip in the middle, for names whose end tells most (resource ids).

    Examples
    --------
    >>> clean("ali\u202ece\n  bob", 40)
    'ali�ce bob'
    >>> clean("/subscriptions/123/vm", 12, keep_end=True)
    '/subs…3/vm'
    """
    # A hostile name may be megabytes long: look at no more of it than can be shown.
    head = text if len(text) <= 4 * limit else text[: 2 * limit] + text[-2 * limit :]
    line = _SPACE.sub(" ", head).strip()
    # Not printable are Cc control (terminal escapes), Cf format (bidi overrides, zero width), Cs lone surrogates, Co
    # private, Cn unassigned, Zl and Zp separators: what does not show itself could make one name look like another.
    if not line.isprintable():
        line = "".join(char if char.isprintable() else REPLACEMENT for char in line)
    data = line.encode()
    if len(data) <= limit and len(head) == len(text):
        return line
    room = limit - len(ELLIPSIS.encode())
    first = room - room // 2 if keep_end else room
    end = data[len(data) - room // 2 :].decode(errors="ignore") if keep_end else ""
    return data[:first].decode(errors="ignore") + ELLIPSIS + end


def listed(texts: Sequence[str], *, most: int, limit: int, keep_end: bool = False) -> str:
    """Return up to `most` of `texts`, each cleaned, with the number of those left out.

    >>> listed(["a", "b", "c"], most=2, limit=10)
    'a, b and 1 more'
    """
    shown = ", ".join(clean(text, limit, keep_end=keep_end) for text in texts[:most])
    return f"{shown} and {len(texts) - most} more" if len(texts) > most else shown


def plain_action(name: str) -> str:
    """Say an Azure operation name in words; one that is not of the usual form comes back as it is.

    >>> plain_action("Microsoft.Authorization/roleAssignments/write")
    'create or change role assignments'
    >>> plain_action("MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION")
    'list keys of storage accounts'
    >>> plain_action("Sign-in")
    'Sign-in'
    """
    parts = [part for part in name.split("/") if part]
    if len(parts) < 3:
        return name
    verb = parts[-1].lower()
    if verb == "action" and len(parts) > 3:
        return f"{words_of(parts[-2])} of {words_of(parts[-3])}"
    if verb == "action":
        return f"{words_of(parts[-2])} ({parts[0]})"
    return f"{_VERBS.get(verb, words_of(parts[-1]))} {words_of(parts[-2])}"


def words_of(name: str) -> str:
    """Return a segment of an operation or of a resource's id in words.

    >>> words_of("virtualMachines"), words_of("myOwnThings")
    ('virtual machines', 'my own things')
    """
    return operation_words().get(name.lower()) or _CAMEL.sub(" ", name).lower()


@cache
def operation_words() -> Mapping[str, str]:
    """Return the words of Azure's segments by the segment in small letters; read once, from a file beside this one."""
    lines = files("service.sinks.content").joinpath("operation_words.txt").read_text("utf-8").splitlines()
    return {re.sub("[ -]", "", line): line for line in lines if not line.startswith("#")}


def moment(time: datetime) -> str:
    """Return a time of day as people read it, in UTC.

    >>> moment(datetime(2026, 11, 2, 9, 14, 59, tzinfo=UTC))
    '2026-11-02 09:14 UTC'
    """
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def iso(time: datetime) -> str:
    """Return a time for machines: RFC 3339, UTC, with a Z.

    >>> iso(datetime(2026, 11, 2, 9, 14, 59, tzinfo=UTC))
    '2026-11-02T09:14:59Z'
    """
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun.

    >>> counted(1, "attempt"), counted(3, "identity", "identities")
    ('1 attempt', '3 identities')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def ordinal(number: int) -> str:
    """Return which one of several something is.

    >>> [ordinal(number) for number in (1, 3, 11, 12, 21, 22, 103, 111, 1_001)]
    ['first', 'third', '11th', '12th', '21st', '22nd', '103rd', '111th', '1,001st']
    """
    if 1 <= number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    is_teen = number % 100 in {11, 12, 13}
    return f"{number:,}" + ("th" if is_teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th"))
