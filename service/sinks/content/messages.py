"""From what is told to a message: compact JSON, and an id that follows from the content alone.

A retry, a restart, or the same evaluation done again gives the same id, so that a receiver can collapse duplicates.
"""

import json
from hashlib import sha256

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Rendered
from service.core.verdicts import VerdictNotice
from service.sinks.content.pagination import Element, Page

_NAMED = 10


def compact(element: Element) -> bytes:
    """Return an element as compact JSON in UTF-8.

    >>> compact({"who": "Zoë"}) == '{"who":"Zoë"}'.encode()
    True
    """
    # A lone surrogate has no UTF-8; a question mark in a name is better than an alert that cannot be sent.
    return json.dumps(element, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def message_about(told: Alert | AnyNotice, body: bytes, content_type: str = "application/json") -> Rendered:
    """Return the message that tells one alert, or one notice, and nothing else."""
    follows = told.alert if isinstance(told, VerdictNotice) else ""
    return Rendered(f"{told.id}.{told.revision}", ((told.id, told.revision),), body, content_type, follows=follows)


def message_about_page(kind: str, page: Page, part: int, body: bytes) -> Rendered:
    """Return the message that tells a page of alerts, by the kind of sink and by which part of them it is."""
    told = tuple((alert.id, alert.revision) for alert in page.alerts)
    names = "\x1f".join(f"{alert}.{revision}" for alert, revision in told)
    return Rendered(sha256(f"{kind}\x1e{names}\x1e{part}".encode()).hexdigest()[:16], told, body, hidden=page.hidden)


def cut_short(message: Rendered) -> str:
    """Return what is said where a message is told in short: that it is, and the ids of the first that it was about."""
    ids = [told for told, _ in message.alerts]
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    return f"In short, because the whole was refused: {', '.join(ids[:_NAMED])}{more}."
