"""What a page is asked and what it answers, as plain values: pages know neither HTTP nor who is signed in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import BaseModel

from service.console.desk import HandedIn
from service.console.live import Live
from service.core.engine import Imagined
from service.history import KnownIdentity

_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)


class PageQuery(NamedTuple):
    """A question.

    Attributes
    ----------
    part
        What stands in the path where a page has a place for it: an id.
    query
        What follows the question mark, each name once; untrusted.
    now
        The present, as far as history goes.
    by
        Who asks.
    form
        What was sent to be done; untrusted as well.
    live
        What the service says of itself.
    """

    part: str
    query: Mapping[str, str]
    now: datetime
    by: str = ""
    form: Mapping[str, str] = {}
    live: Live = Live()

    def text(self, name: str, longest: int = 200) -> str:
        """Return what is asked under a name, stripped and no longer than that; empty if nothing is."""
        return self.query.get(name, "").strip()[:longest]

    def exact(self, name: str) -> str:
        """Return what is asked under a name as it is: an id may begin with a space, or be very long."""
        return self.query.get(name, "")

    def number(self, name: str, otherwise: int, most: int) -> int:
        """Return a number between 0 and `most`; `otherwise` if it is none."""
        text = self.query.get(name, "")
        return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise

    def day(self, name: str, otherwise: datetime) -> datetime:
        """Return the beginning of a day such as 2026-03-02; `otherwise` if it is none."""
        try:
            day = datetime.strptime(self.query.get(name, "")[:20], "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            return otherwise
        return max(day, _EARLIEST)


class HtmlPage(NamedTuple):
    """An answer for people: which template says what."""

    template: str
    facts: Mapping[str, Any]


class Download(NamedTuple):
    """An answer to keep: a file with its name."""

    name: str
    content_type: str
    body: str


class Decided(NamedTuple):
    """Something was done: in a few words, of which alert, and where to go on; programs are told `said` instead."""

    what: str
    alert: str
    onward: str
    said: BaseModel | None = None


class SampleWanted(NamedTuple):
    """Somebody wants a test message sent to a sink."""

    sink: str


class WhatIf(NamedTuple):
    """Somebody wants to know how an operation of an identity would be judged."""

    identity: KnownIdentity
    operation: Imagined


Finished = HtmlPage | Download | Decided | BaseModel
PageAnswer = Finished | HandedIn | SampleWanted | WhatIf


class NotPossible(ValueError):  # noqa: N818 - it says what the matter is
    """What was sent cannot be done; the text says why, in one line."""


class Stale(NotPossible):
    """It has changed since whoever decides has looked; the text says how, in one line."""


class NotThere(LookupError):  # noqa: N818 - it says what the matter is
    """Nothing is known under that id; the text says of what."""
