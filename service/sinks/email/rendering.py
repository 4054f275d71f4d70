"""Alerts and notices as letters: a subject, a text, and the same in HTML in which no name is more than a name.

What is kept of a letter is this alone. From whom and to whom it is, and its form as MIME, come with it on its way: what
waits while an address is corrected goes to the right one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import NamedTuple

from pydantic import TypeAdapter

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Rendered
from service.sinks.content.alert_content import (
    ALL_LINKS,
    Fact,
    Link,
    Links,
    alert_content,
    digest_title,
    heading,
    reference,
)
from service.sinks.content.messages import compact, message_about, message_about_page
from service.sinks.content.notice_content import notice_content
from service.sinks.content.pagination import Element, Layout, Page, paginate
from service.sinks.content.wording import clean, counted
from service.sinks.email.mail_host import MailEnvelope

SUBJECT_BYTES = 150
"""Bytes."""
LETTER_BYTES = 100_000
"""Bytes of the alerts in one letter; more is cut off by readers (Gmail shows 102 KB)."""
LETTER_ALERTS = 50
"""Alerts in one letter."""
_COLOURS = {"critical": "#b00020", "high": "#b00020", "medium": "#b35900", "low": "#7a6a00"}
_GREY = "#444444"


class _Letter(NamedTuple):
    """What a letter says."""

    subject: str
    text: str
    html: str


_LETTER = TypeAdapter(_Letter)


def render(alerts: Sequence[Alert], links: Links = ALL_LINKS) -> list[Rendered]:
    """Turn alerts into letters: one if they fit, three at most."""

    def full(alert: Alert, findings: int) -> list[Element]:
        return [_told(alert, links, findings)]

    pages = paginate(alerts, Layout(full, _brief, lambda element: len(compact(element)), LETTER_BYTES, LETTER_ALERTS))
    return [_rendered(page, part, len(pages)) for part, page in enumerate(pages)]


def render_notice(notice: AnyNotice) -> Rendered:
    """Turn a notice into a letter of its own."""
    said = notice_content(notice)
    text = "\n".join([said.heading, "", *_lines(said.facts), "", said.reference])
    html = f"{_heading(said.heading, _GREY)}{_table(said.facts)}{_small(said.reference)}"
    return message_about(notice, compact(_body(said.heading, [text], [html])))


def compose(message: Rendered, envelope: MailEnvelope, now: datetime) -> bytes:
    """Return a message as it goes over the wire: MIME, in lines of ASCII, no header of which holds a line's end.

    Raises
    ------
    ValueError
        It is no letter.
    """
    said = _LETTER.validate_json(message.body)
    letter = EmailMessage(SMTP)
    letter["From"] = Address("Unwonted", addr_spec=envelope.sender)
    letter["To"] = tuple(Address(addr_spec=one) for one in envelope.recipients)
    letter["Subject"] = said.subject
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{message.id}.unwonted@{envelope.sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is answered to it
    letter.set_content(said.text, cte="quoted-printable")
    letter.add_alternative(said.html, subtype="html", cte="quoted-printable")
    return letter.as_bytes()


def _rendered(page: Page, part: int, parts: int) -> Rendered:
    first, several = page.alerts[0], len(page.alerts) > 1
    subject = f"{digest_title(page.alerts)}; first: {heading(first)}" if several else heading(first)
    if parts > 1:
        subject = f"({part + 1} of {parts}) {subject}"
    texts = [str(element["text"]) for element in page.elements]
    htmls = [str(element["html"]) for element in page.elements]
    if page.hidden:
        texts.append(f"{page.hidden:,} more not shown.")
        htmls.append(_small(texts[-1]))
    return message_about_page("email", page, part, compact(_body(subject, texts, htmls)))


def _body(subject: str, texts: Iterable[str], htmls: Iterable[str]) -> Element:
    body = '<hr style="border:0;border-top:1px solid #cccccc">'.join(htmls)
    html = (
        '<!doctype html><html><head><meta charset="utf-8"></head>'
        f'<body style="font-family:sans-serif;font-size:14px">{body}</body></html>\n'
    )
    return {"subject": clean(subject, SUBJECT_BYTES), "text": "\n\n---\n\n".join(texts) + "\n", "html": html}


def _told(alert: Alert, links: Links, findings: int) -> Element:
    content = alert_content(alert, links, findings=findings)
    more = [f"{counted(content.hidden, 'more finding')} not shown."] if content.hidden else []
    steps = [f"{number}. {step}" for number, step in enumerate(content.checks, 1)]
    mitre = [Fact("ATT&CK", content.mitre)] if content.mitre else []
    text = [content.heading, "", *_lines(content.subject)]
    for facts in content.findings:
        text += ["", *_lines(facts)]
    text += ["", *more] * bool(more)
    text += ["", "Check next", *steps] * bool(steps)
    text += ["", *_lines(mitre), *_lines(Fact(link.label, link.url) for link in content.all_links), content.reference]
    html = [
        _heading(content.heading, _COLOURS.get(alert.severity.value, _GREY)),
        _table(content.subject),
        *(_table(facts) for facts in content.findings),
        *map(_small, more),
        *([f"<p><b>Check next</b><br>{'<br>'.join(map(escape, steps))}</p>"] * bool(steps)),
        _table(mitre),
        *([f"<p>{' · '.join(map(_link, content.all_links))}</p>"] * bool(content.all_links)),
        _small(content.reference),
    ]
    return {"text": "\n".join(text), "html": "".join(html)}


def _brief(alert: Alert) -> list[Element]:
    line = f"{heading(alert)} ({reference(alert)})"
    return [{"text": line, "html": f"<p>{escape(line)}</p>"}]


def _lines(facts: Iterable[Fact]) -> list[str]:
    return [f"{fact.label}: {fact.text}" for fact in facts]


def _heading(text: str, colour: str) -> str:
    return f'<h3 style="color:{colour}">{escape(text)}</h3>'


def _table(facts: Iterable[Fact]) -> str:
    rows = "".join(
        f'<tr><td style="color:{_GREY};padding-right:1em;vertical-align:top">{escape(fact.label)}</td>'
        f"<td>{escape(fact.text)}</td></tr>"
        for fact in facts
    )
    return f"<table>{rows}</table>" if rows else ""


def _small(text: str) -> str:
    return f'<p style="color:{_GREY};font-size:12px">{escape(text)}</p>'


def _link(link: Link) -> str:
    return f'<a href="{escape(link.url)}">{escape(link.label)}</a>'
