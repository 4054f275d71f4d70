"""Finding things by whatever is at hand: a name, an id, an address, an operation, a resource, a correlation id."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from models.stream import ActorBucket
from service.console.alert_page import in_short
from service.console.asking import HtmlPage, PageQuery
from service.history import AlertSummary, History, KnownIdentity, ToldAlert, ToldFinding

SHORTEST_SEARCH = 2
_MOST = 50
_ALERTS_LOOKED_AT = 250
_DAYS = timedelta(days=90)


class Match(NamedTuple):
    """An alert that has what was sought, and what of it that was."""

    alert: AlertSummary
    what: str
    where: str


def search_page(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/search?q=WORDS``: identities by name and id, alerts by whatever they hold."""
    text = asked.text("q")
    short = len(text) < SHORTEST_SEARCH
    people: Sequence[KnownIdentity] = [] if short else history.identities(text, limit=_MOST)
    return HtmlPage(
        "search.html",
        {
            "text": text,
            "short": short,
            "people": people,
            "matches": [] if short else list(found_alerts(history, text, asked))[:_MOST],
            "looked_at": _ALERTS_LOOKED_AT,
        },
    )


def identities_page(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/identities``: who was active last, or whose name or id begins as asked."""
    text = asked.text("q")
    return HtmlPage("identities.html", {"text": text, "people": history.identities(text, limit=2 * _MOST)})


def found_alerts(history: History, text: str, asked: PageQuery) -> Iterable[Match]:
    """Yield the newest alerts that hold `text`, whatever the case."""
    folded = text.casefold()
    seen = set()
    for alert in history.alerts_beginning(folded):
        seen.add(alert.id)
        yield Match(alert, in_short(alert), "alert id")
    newest = [one for one in history.alerts(asked.now - _DAYS, limit=_ALERTS_LOOKED_AT) if one.id not in seen]
    whole = {one.id: one for one in history.told([one.id for one in newest if not _where(one, folded)])}
    for alert in newest:
        where = _where(alert, folded) or (_inside(whole[alert.id], folded) if alert.id in whole else "")
        if where:
            yield Match(alert, in_short(alert), where)


def _where(alert: AlertSummary, folded: str) -> str:
    held = (("name", alert.name), ("identity", alert.subject), ("operation", alert.action))
    return next((where for where, value in held if folded in value.casefold()), "")


def _inside(alert: ToldAlert, folded: str) -> str:
    """Return where the findings of an alert hold what was sought; empty if nowhere."""
    for finding in alert.findings:
        for where, values in _held(finding):
            if any(folded in value.casefold() for value in values):
                return where
    return ""


def held_in_hours(hours: Iterable[ActorBucket], text: str) -> Iterable[str]:
    """Yield the ids of identities of whose hours one holds `text`: an address, a resource, an id and so on."""
    folded = text.casefold()
    for hour in hours:
        for cell in hour.cells:
            held = (cell.action_name, *cell.addresses, *cell.scopes)
            deep = (value for one in cell.sample for value in (one.resource, one.correlation))
            if any(folded in value.casefold() for value in (*held, *deep)):
                yield hour.actor.id
                break


def _held(finding: ToldFinding) -> Iterable[tuple[str, Sequence[str]]]:
    yield "operation", (finding.action_name,)
    yield "address", finding.addresses
    yield "resource", finding.resources
    yield "correlation id", finding.correlations
    yield "subscription", finding.scopes
    yield "name", (finding.actor_name,)
