r"""One event in the Common Event Format: a line in which no value is more than a value, within a number of bytes.

References
----------
https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors-8.4/pdfdoc/cef-implementation-standard/cef-implementation-standard.pdf
"""

from collections.abc import Iterable
from typing import NamedTuple

from service.sinks.content.wording import clean

VENDOR, PRODUCT = "Unwonted", "Unwonted"
VOCABULARY = "1"
"""Stands where a version of the product would, and changes when the fields do."""
_MOST_NAME = 512


class Field(NamedTuple):
    """A field of the extension.

    Attributes
    ----------
    key
        As the format names it.
    value
        Whatever it may be; empty leaves the field out.
    most
        Longest value, in bytes before escaping.
    keep_end
        Whether a longer one is clipped in its middle.
    label
        What a field that can mean anything means.
    """

    key: str
    value: str | int
    most: int = 1_023
    keep_end: bool = False
    label: str = ""


def cef(signature: str, name: str, severity: int, fields: Iterable[Field], *, largest: int) -> str:
    r"""Return an event of at most `largest` bytes; fields for which there is no room are left out, the last first.

    >>> cef("rare_action", "a|b", 8, [Field("suser", "x=y\\z")], largest=1000)
    'CEF:0|Unwonted|Unwonted|1|rare_action|a\\|b|8|suser=x\\=y\\\\z'
    """
    head = [VENDOR, PRODUCT, VOCABULARY, signature, clean(name, _MOST_NAME), str(severity)]
    event = "|".join(["CEF:0", *map(_in_header, head), ""])
    size, parts = len(event.encode()), list[str]()
    for field in fields:
        text = field.value if isinstance(field.value, int) else _in_extension(field)
        part = f"{field.key}={text} {field.key}Label={field.label}" if field.label else f"{field.key}={text}"
        if text != "" and size + len(part.encode()) + 1 <= largest:
            parts.append(part)
            size += len(part.encode()) + 1
    return event + " ".join(parts)


def _in_header(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _in_extension(field: Field) -> str:
    # Each line by itself: a line's end of ours is written as the format has it, one in a name is a space.
    lines = clean_lines(str(field.value), field.most, keep_end=field.keep_end)
    return "\\n".join(line.replace("\\", "\\\\").replace("=", "\\=") for line in lines)


def clean_lines(text: str, most: int, *, keep_end: bool) -> list[str]:
    """Return the lines of `text` that are not empty, clean, and together no longer than `most` bytes."""
    lines, left = list[str](), most
    for line in text.split("\n"):
        if left < 16:
            break
        if shown := clean(line, left, keep_end=keep_end):
            lines.append(shown)
            left -= len(shown.encode()) + 1
    return lines
