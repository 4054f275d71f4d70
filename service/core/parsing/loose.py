"""One JSON value of whatever make as a text, or as an object with folded keys; knows no field of a record.

Senders wrap values (``{"value": …}``, ``{"Content": {…}}``), send objects as JSON text, and maps as lists of pairs.
"""

import re

from msgspec import Raw
from msgspec.json import encode

from service.core.parsing.lenient import Decoded, loads

MOST_PAIRS = 256
"""Of a list of pairs, no more are read: a token has some forty claims."""

_KEYS = ("key", "type", "name", "calleridentitytype")
_VALUES = ("value", "calleridentityvalue", "calleridentity")
_OPENINGS = ({"{", "[", '"'}, {"{", "["})
_PRINTED = re.compile(r"^[ \t]*+([^\s:]++(?::[^\s:]++)*+)[ \t]*+: ([^\r\n]*+)", re.MULTILINE)


def fold(members: dict[str, Decoded]) -> dict[str, Decoded]:
    """Return members under their keys without case, blanks and underscores; empty ones are left out, the first wins."""
    folded: dict[str, Decoded] = {}
    for key, value in members.items():
        if value is not None and value != "":
            folded.setdefault(key.replace("_", "").replace(" ", "").lower(), value)
    return folded


def nest(fields: dict[str, Decoded], heads: frozenset[str]) -> dict[str, Decoded]:
    """Return members whose keys were flattened (``claims.name``) in objects again, as far as these are among `heads`.

    Examples
    --------
    >>> nest({"identity.claims.a.b": "7", "caller": "ann", "d.e": "8"}, frozenset({"identity", "claims"}))
    {'caller': 'ann', 'd.e': '8', 'identity': {'claims': {'a.b': '7'}}}
    """
    nested: dict[str, dict[str, Decoded]] = {}
    for key, value in fields.items():
        head, dot, rest = key.partition(".")
        if dot and head in heads and head not in fields:
            nested.setdefault(head, {})[rest] = value
    if not nested:
        return fields
    others = {key: value for key, value in fields.items() if key.partition(".")[0] not in nested}
    return {**others, **{head: nest(members, heads) for head, members in nested.items()}}


def first(fields: dict[str, Decoded], *keys: str) -> Decoded:
    """Return the value of the first key that is present."""
    for key in keys:
        if key in fields:
            return fields[key]
    return None


def as_object(value: Decoded) -> dict[str, Decoded]:
    """Return a folded object: of JSON text, of PowerShell's ``{"Content": …}``, of pairs in a list; else an empty one.

    Also of lines ``name: value``, as PowerShell prints an object into a CSV.

    Examples
    --------
    >>> as_object('[{"Key": "Tenant_ID", "Value": "7"}]')
    {'tenantid': '7'}
    """
    value = _decoded(value)
    if isinstance(value, str):
        return fold(dict(_PRINTED.findall(value)[:MOST_PAIRS][::-1])) if "\n" in value else {}
    if isinstance(value, list):
        return fold(dict(pair for pair in map(_pair, value[:MOST_PAIRS]) if pair))
    if not isinstance(value, dict):
        return {}
    folded = fold(value)
    content = _decoded(folded.get("content")) if len(folded) == 1 else None
    if isinstance(content, dict):
        return fold(content)
    return dict([pair]) if (pair := _pair(folded)) and len(folded) == 2 else folded


def _decoded(value: Decoded) -> Decoded:
    """Return what JSON text says, also text in text, as a table's dynamic columns come out of some exports."""
    for opening in _OPENINGS:
        if isinstance(value, str) and value.lstrip()[:1] in opening:
            try:
                value = loads(value.encode("utf-8", "replace"))
            except (ValueError, RecursionError):
                return None
    return value


def _pair(item: Decoded) -> tuple[str, Decoded] | None:
    """Return key and value of ``{"CallerIdentityType": "UPN", "CallerIdentityValue": "ann@contoso.com"}`` and kin."""
    item = _decoded(item)
    folded = fold(item) if isinstance(item, dict) else {}
    key, value = first(folded, *_KEYS), first(folded, *_VALUES)
    return (key, value) if isinstance(key, str) and value is not None else None


def as_text(value: Decoded) -> str | None:
    """Return a text or number, also one in ``{"value": …, "localizedValue": …}``; None if there is none."""
    if isinstance(value, dict):
        value = first(fold(value), "value", "localizedvalue")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        # a lone surrogate is legal for Python's decoder and for nobody else
        return (value if value.isascii() else value.encode("utf-8", "replace").decode()).strip() or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def as_raw(value: Decoded) -> Raw:
    """Return a value as the JSON that it came from, a text as what it says; empty where it cannot be written."""
    if isinstance(value, str):
        return Raw(value.encode("utf-8", "replace"))
    try:
        return Raw(encode(value) if isinstance(value, dict | list) else b"")
    except (ValueError, RecursionError):
        return Raw(b"")
