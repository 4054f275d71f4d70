"""Alerts and notices as Adaptive Cards: first who, what, on which resource and why; the rest unfolds on demand.

The flow answers 202 before it looks at the card and drops one that is too large, so size is our care. Whatever an
outsider may have chosen (names, resources) stands in a TextRun, the one Adaptive Card text that Markdown does not
reach, so that a name cannot become a link.
"""

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Rendered
from service.sinks.content.alert_content import (
    ALL_LINKS,
    AlertContent,
    Fact,
    Link,
    Links,
    alert_content,
    digest_title,
    heading,
    reference,
)
from service.sinks.content.messages import compact, cut_short, message_about, message_about_page
from service.sinks.content.notice_content import notice_content
from service.sinks.content.pagination import Element, Layout, Page, paginate
from service.sinks.content.resources import Touched
from service.sinks.content.wording import counted

# Teams refuses 28,672 bytes, counted after the flow has expanded the card by a good sixth.
BUDGET = 20_000
_ENVELOPE = 600  # the card around the alerts, its title, and the count of what is not shown
_COLOURS = {"critical": "Attention", "high": "Attention", "medium": "Warning", "low": "Accent"}


def render(alerts: Sequence[Alert], links: Links = ALL_LINKS) -> list[Rendered]:
    """Turn alerts into cards of at most 20,000 bytes: one if they fit, three at most."""

    def full(alert: Alert, findings: int) -> list[Element]:
        return [_container(alert, alert_content(alert, links, findings=findings))]

    layout = Layout(full, lambda alert: [_line(alert)], _weight, BUDGET - _ENVELOPE, 200)
    pages = paginate(alerts, layout)
    return [_rendered(page, part, len(pages)) for part, page in enumerate(pages)]


def render_notice(notice: AnyNotice) -> Rendered:
    """Turn a notice into a card of its own."""
    said = notice_content(notice)
    heading = _rich([_run(said.heading, weight="Bolder", color="Good" if said.is_over else "Warning")])
    facts: list[JsonValue] = [_fact(fact) for fact in said.facts]
    below = _rich([_run(said.reference, isSubtle=True, size="Small")])
    elements: list[Element] = [heading, {"type": "Container", "spacing": "Small", "items": facts}, below]
    return message_about(notice, compact(_card(elements, "")))


def shortened(message: Rendered) -> bytes:
    """Return what a message tells in two lines, for when the flow refuses its card."""
    card = json.loads(message.body)["attachments"][0]["content"]
    first = _rich([_run(next(_texts(card), ""), weight="Bolder")])
    return compact(_card([first, _rich([_run(cut_short(message), isSubtle=True)])], ""))


def _texts(value: object) -> Iterator[str]:
    """Yield the texts of a card, or of a part of it, in their order."""
    if isinstance(value, dict):
        if value.get("text"):
            yield str(value["text"])
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _rendered(page: Page, part: int, parts: int) -> Rendered:
    title = ""
    if len(page.alerts) > 1 or parts > 1:
        title = digest_title(page.alerts)
        title += f" ({part + 1} of {parts})" if parts > 1 else ""
    elements = list(page.elements)
    if page.hidden:
        elements.append({"type": "TextBlock", "text": f"{page.hidden:,} more not shown.", "isSubtle": True})
    return message_about_page("teams", page, part, compact(_card(elements, title)))


def _card(elements: Sequence[Element], title: str) -> Element:
    top: list[JsonValue] = []
    if title:
        top.append({"type": "TextBlock", "text": title, "weight": "Bolder", "size": "Medium", "wrap": True})
    content: Element = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [*top, *elements],
    }
    attachment: Element = {"contentType": "application/vnd.microsoft.card.adaptive", "content": content}
    return {"type": "message", "attachments": [attachment]}


def _weight(element: Element) -> int:
    # Escaped to ASCII, as the flow may do: never less than the bytes that we send.
    return len(json.dumps(element, separators=(",", ":"))) + 1


def _container(alert: Alert, content: AlertContent) -> Element:
    items: list[JsonValue] = [_heading(alert, content.heading)]
    items += [_fact(fact) for fact in content.first_screen]
    if content.touched.names:
        items.insert(-1, _touched(content.touched))
    rest = f"rest-{alert.id}"
    actions = [_open(link) for link in content.decisions if _opens(link)]
    actions.append({"type": "Action.ToggleVisibility", "title": "Details", "targetElements": [rest]})
    items.append({"type": "ActionSet", "actions": actions})
    items.append({"type": "Container", "id": rest, "isVisible": False, "items": _rest(content)})
    items.append(_rich([_run(content.reference, isSubtle=True, size="Small")]))
    return {"type": "Container", "separator": True, "spacing": "Medium", "items": items}


def _touched(touched: Touched) -> Element:
    runs: list[JsonValue] = [_run("On  ", weight="Bolder")]
    for number, name in enumerate(touched.names):
        runs += [_run(", ")] * (number > 0) + [_run(name, weight="Bolder")]
    return {**_rich(runs + [_run(touched.rest)] * bool(touched.rest)), "spacing": "None"}


def _rest(content: AlertContent) -> list[JsonValue]:
    items: list[JsonValue] = [_fact(content.who)]
    for number, facts in enumerate(content.findings):
        lines: list[JsonValue] = [_fact(fact) for fact in facts]
        items.append({"type": "Container", "spacing": "Small", "separator": number > 0, "items": lines})
    if content.hidden:
        more = counted(content.hidden, "more finding") + " not shown."
        items.append({"type": "TextBlock", "text": more, "isSubtle": True, "spacing": "Small"})
    steps = [Fact(f"{number}.", step) for number, step in enumerate(content.checks, 1)]
    if steps:
        items.append({"type": "TextBlock", "text": "Check next", "weight": "Bolder", "spacing": "Small"})
        items.extend(_fact(step) for step in steps)
    if content.mitre:
        items.append(_fact(Fact("ATT&CK", content.mitre)))
    if links := [_open(link) for link in content.links if _opens(link)]:
        items.append({"type": "ActionSet", "actions": links})
    return items


def _opens(link: Link) -> bool:
    """Whether Teams opens it, which it does of no address in the clear."""
    return link.url.startswith("https://")


def _open(link: Link) -> JsonValue:
    return {"type": "Action.OpenUrl", "title": link.label, "url": link.url}


def _line(alert: Alert) -> Element:
    lines: list[JsonValue] = [
        _heading(alert, heading(alert)),
        _rich([_run(reference(alert), isSubtle=True, size="Small")]),
    ]
    return {"type": "Container", "separator": True, "items": lines}


def _heading(alert: Alert, text: str) -> Element:
    return _rich([_run(text, weight="Bolder", color=_COLOURS.get(alert.severity.value, "Default"))])


def _fact(fact: Fact) -> Element:
    return {**_rich([_run(f"{fact.label}  ", weight="Bolder"), _run(fact.text)]), "spacing": "None"}


def _rich(runs: list[JsonValue]) -> Element:
    return {"type": "RichTextBlock", "inlines": runs}


def _run(text: str, **style: JsonValue) -> Element:
    return {"type": "TextRun", "text": text, **style}
