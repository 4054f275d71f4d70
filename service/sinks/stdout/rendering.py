"""Alerts and notices as cards for people at a terminal."""

import textwrap

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.sinks.content.alert_content import ALL_LINKS, Link, Links, alert_content
from service.sinks.content.notice_content import notice_content
from service.sinks.content.wording import counted

WIDTH = 100
_COLOURS = {"critical": "1;31", "high": "1;31", "medium": "1;33", "low": "1;36"}


def card(alert: Alert, links: Links = ALL_LINKS, *, colour: bool = False) -> str:
    """Return `alert` as lines of at most 100 characters (longer where a link or a name has no blank to break at)."""
    content = alert_content(alert, links)
    lines = [content.heading, *(line for fact in content.subject for line in _fact(fact.label, fact.text))]
    for number, facts in enumerate(content.findings):
        lines += [""] * (number > 0)
        lines += [line for fact in facts for line in _fact(fact.label, fact.text)]
    if content.hidden:
        lines += _fact("", counted(content.hidden, "more finding") + " not shown")
    for number, step in enumerate(content.checks):
        lines += _fact("Check" if number == 0 else "", f"{number + 1}. {step}")
    if content.mitre:
        lines += _fact("ATT&CK", content.mitre)
    if colour and content.all_links:
        lines.append(f"{'Links':<13} {' · '.join(_hyperlink(link) for link in content.all_links)}")
    else:
        lines += [f"{link.label:<13} {link.url}" for link in content.all_links]
    code = _COLOURS.get(alert.severity.value, "1")
    top = f"\x1b[{code}m┌ {lines[0]}\x1b[0m" if colour else f"┌ {lines[0]}"
    return "\n".join([top, *(f"│ {line}".rstrip() for line in lines[1:]), f"└ {content.reference}"]) + "\n"


def notice_card(notice: AnyNotice, *, colour: bool = False) -> str:
    """Return `notice` as lines of at most 100 characters."""
    said = notice_content(notice)
    top = f"┌ {said.heading}"
    lines = [f"│ {line}".rstrip() for fact in said.facts for line in _fact(fact.label, fact.text)]
    code = "1;32" if said.is_over else "1;33"
    return "\n".join([f"\x1b[{code}m{top}\x1b[0m" if colour else top, *lines, f"└ {said.reference}"]) + "\n"


def _hyperlink(link: Link) -> str:
    # OSC 8: terminals show the label and follow the address.
    return f"\x1b]8;;{link.url}\x1b\\{link.label}\x1b]8;;\x1b\\"


def _fact(label: str, text: str) -> list[str]:
    wrapped = textwrap.wrap(text, WIDTH - 16, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{label if number == 0 else '':<13} {line}" for number, line in enumerate(wrapped)]
