"""Alerts and notices as Block Kit messages: first who, what, on what and why, then the rest, which Slack folds.

Whatever an outsider may have chosen stands in plain_text, or as a text in rich_text, where Slack sees neither mentions
nor links.
"""

import json
from collections.abc import Sequence

from pydantic import JsonValue

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Rendered
from service.sinks.content.alert_content import (
    ALL_LINKS,
    AlertContent,
    Link,
    Links,
    alert_content,
    heading,
    others,
    reference,
)
from service.sinks.content.messages import compact, cut_short, message_about, message_about_page
from service.sinks.content.notice_content import notice_content
from service.sinks.content.pagination import Element, Layout, Page, paginate
from service.sinks.content.wording import clean, counted

# Limits of Block Kit; the whole message is refused somewhat above 13,000 characters (msg_blocks_too_long).
BLOCKS = 50
HEADER = 150
SECTION = 3_000
MESSAGE = 12_000
_ENVELOPE = 700  # the message around the blocks, its top-level text, and the count of what is not shown
_BETWEEN = " · "
_MARKS = {"critical": "🔴", "high": "🔴", "medium": "🟠", "low": "🟡"}


def render(alerts: Sequence[Alert], links: Links = ALL_LINKS) -> list[Rendered]:
    """Turn alerts into messages of at most 50 blocks and 12,000 characters: one if they fit, three at most."""

    def full(alert: Alert, findings: int) -> list[Element]:
        return _blocks(alert, alert_content(alert, links, findings=findings))

    pages = paginate(alerts, Layout(full, _brief, _weight, MESSAGE - _ENVELOPE, BLOCKS - 1))
    return [_rendered(page, part, len(pages)) for part, page in enumerate(pages)]


def render_notice(notice: AnyNotice) -> Rendered:
    """Turn a notice into a message of its own."""
    said = notice_content(notice)
    blocks: list[Element] = [
        {"type": "header", "text": _plain(clean(("🟢 " if said.is_over else "⚪ ") + said.heading, HEADER))},
        _section([f"{fact.label}: {fact.text}" for fact in said.facts]),
        _context([_plain(said.reference)]),
    ]
    return message_about(notice, compact(_message(said.heading, blocks)))


def shortened(message: Rendered) -> bytes:
    """Return what a message tells in a text without blocks, for when Slack refuses those."""
    text = str(json.loads(message.body)["text"])
    said = f"{text[: SECTION // 2]}\n{cut_short(message)}"
    return compact({"text": said, "unfurl_links": False, "unfurl_media": False})


def _rendered(page: Page, part: int, parts: int) -> Rendered:
    blocks = list(page.elements[:-1])  # the last divider separates from nothing
    if page.hidden:
        blocks.append(_context([_plain(f"{page.hidden:,} more not shown.")]))
    text = heading(page.alerts[0])
    if len(page.alerts) > 1:
        text += f" (and {others(page.alerts[1:])})"
    if parts > 1:
        text += f" ({part + 1} of {parts})"
    return message_about_page("slack", page, part, compact(_message(text, blocks)))


def _weight(element: Element) -> int:
    return len(json.dumps(element, ensure_ascii=False, separators=(",", ":"))) + 1


def _message(text: str, blocks: Sequence[Element]) -> Element:
    return {"text": _escape(text), "blocks": list(blocks), "unfurl_links": False, "unfurl_media": False}


def _blocks(alert: Alert, content: AlertContent) -> list[Element]:
    blocks: list[Element] = [
        {"type": "header", "text": _plain(clean(_mark(alert) + content.heading, HEADER))},
        _first_screen(content),
        *_links(content.decisions),
    ]
    # A long section is folded behind "see more" unless it says that it is not to be.
    who = [content.who, *content.findings[0]] if content.findings else [content.who]
    blocks += [_section([f"{fact.label}: {fact.text}" for fact in facts]) for facts in (who, *content.findings[1:])]
    if content.hidden:
        blocks.append(_context([_plain(counted(content.hidden, "more finding") + " not shown.")]))
    if content.checks:
        blocks.append(_section(["Check next", *(f"{number}. {step}" for number, step in enumerate(content.checks, 1))]))
    if content.mitre:
        blocks.append(_context([_plain(f"ATT&CK: {content.mitre}")]))
    return [*blocks, *_links(content.links), _context([_plain(content.reference)]), {"type": "divider"}]


def _first_screen(content: AlertContent) -> Element:
    lines: list[list[JsonValue]] = [[_run(f"{fact.label}: "), _run(fact.text)] for fact in content.first_screen]
    if content.touched.names:
        runs: list[JsonValue] = [_run("On: ")]
        for number, name in enumerate(content.touched.names):
            runs += [_run(", ")] * (number > 0) + [_run(name, bold=True)]
        lines.insert(-1, runs + [_run(content.touched.rest)] * bool(content.touched.rest))
    elements = [run for number, line in enumerate(lines) for run in ([_run("\n")] * (number > 0) + line)]
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _run(text: str, *, bold: bool = False) -> Element:
    return {"type": "text", "text": text, **({"style": {"bold": True}} if bold else {})}


def _links(links: Sequence[Link]) -> list[Element]:
    """Return sections of links, none longer than Slack takes; a link that fits into none is left out."""
    texts: list[str] = []
    for said in map(_link, links):
        if texts and len(texts[-1]) + len(_BETWEEN) + len(said) <= SECTION:
            texts[-1] += _BETWEEN + said
        elif len(said) <= SECTION:
            texts.append(said)
    return [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in texts]


def _brief(alert: Alert) -> list[Element]:
    return [_context([_plain(f"{_mark(alert)}{heading(alert)} ({reference(alert)})")]), {"type": "divider"}]


def _section(lines: list[str]) -> Element:
    text = "\n".join(lines)
    return {"type": "section", "text": _plain(text if len(text) <= SECTION else text[: SECTION - 1] + "…")}


def _context(elements: list[JsonValue]) -> Element:
    return {"type": "context", "elements": elements}


def _plain(text: str) -> Element:
    return {"type": "plain_text", "text": text, "emoji": False}


def _link(link: Link) -> str:
    return f"<{_escape(link.url)}|{link.label}>"


def _mark(alert: Alert) -> str:
    mark = _MARKS.get(alert.severity.value, "")
    return f"{mark} " if mark else ""


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
