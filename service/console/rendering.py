"""Turns what a page says into HTML; whatever it is given is text, cleaned and escaped, and never markup.

What a page says is for the page; what a browser may do with it, for `guard`.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from service.console.words import kind_words
from service.sinks import clean, counted, moment, plain_action

_LINE = 2_000
_LINES = 200
_INDENT = 40
ASSETS: Mapping[str, str] = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "timeline.js": "text/javascript",
    "tuning.js": "text/javascript",
    "explorer.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "vendor/uPlot.iife.min.js": "text/javascript",
    "vendor/uPlot.min.css": "text/css",
}


def page_html(template: str, facts: Mapping[str, Any]) -> str:
    """Return a page as HTML."""
    return _environment().get_template(template).render(facts)


@cache
def asset(name: str) -> bytes:
    """Return a file that pages refer to; `name` is one of `ASSETS`."""
    return files("service.console").joinpath("static", name).read_bytes()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("service.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "urlencode": _in_address,
        "words": plain_action,
        "kind": kind_words,
        "moment": moment,
        "day": lambda time: f"{time:%a %d %b}",
        "clock": lambda time: f"{time:%H:%M}",
        "stamp": lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "span": span,
        "lines": _lines,
        "counted": lambda number, one, many="": counted(number, one, many),
        "last_segment": last_segment,
        "data": _data,
    }
    return environment


def _shown(value: object) -> object:
    """Clean whatever is not markup of ours: control characters and letters that hide or turn others show themselves."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return clean(value, _LINE)


def _lines(text: str) -> Markup:
    """Clean and escape a text of several lines, each as far from the left as it was: YAML says something by that."""
    return Markup("\n").join(
        escape(line[: len(line) - len(line.lstrip(" "))][:_INDENT] + clean(line, _LINE))
        for line in text.splitlines()[:_LINES]
    )


def _in_address(text: str) -> Markup:
    # As history keeps it: what is no text in any encoding is a question mark. Whole, since half an id leads nowhere.
    return escape(quote(text.encode(errors="replace"), safe=""))


def _data(value: object) -> Markup:
    """Return data for a script of ours, as an attribute's value: nothing of it can end the attribute."""
    return escape(json.dumps(value, ensure_ascii=True, separators=(",", ":")))


def last_segment(resource: str) -> str:
    """Return what a resource is called, without where it is.

    >>> last_segment("/subscriptions/1/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/payments")
    'payments'
    """
    return resource.rstrip("/").rpartition("/")[2] or resource


def span(first: datetime, last: datetime) -> str:
    """Say how long something took.

    >>> from datetime import UTC
    >>> nine = datetime(2026, 3, 2, 9, tzinfo=UTC)
    >>> [span(nine, nine + timedelta(minutes=minutes)) for minutes in (0, 5, 130, 3000)]
    ['moments', '5 min', '2 h 10 min', '2 d 2 h']
    """
    minutes = round((last - first) / timedelta(minutes=1))
    if minutes < 1:
        return "moments"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
