"""Alerts on a stream: a card for people at a terminal, or one CloudEvent a line for pipes."""

import asyncio
import textwrap
from collections.abc import Sequence
from typing import BinaryIO, Literal

from service.core.alerting import Alert
from service.core.notices import Notice
from service.core.ports import Receipt, Rendered
from service.sinks import notice_content
from service.sinks.alert_content import ALL_LINKS, Link, Links, alert_content
from service.sinks.webhook import SOURCE, cloud_event, encoded
from service.sinks.wording import counted

WIDTH = 100
_COLOURS = {"critical": "1;31", "high": "1;31", "medium": "1;33", "low": "1;36"}


class StdoutSink:
    """A stream, usually standard output.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    stream
        Where to write; stays open.
    style
        ``card`` for people, ``ndjson`` for machines: what the generic webhook would carry, one a line.
    colour
        Whether cards use a terminal's colours and links.
    links
        Which links the alerts carry.
    """

    def __init__(
        self,
        name: str,
        stream: BinaryIO,
        *,
        style: Literal["card", "ndjson"] = "card",
        colour: bool = False,
        links: Links = ALL_LINKS,
    ) -> None:
        self._name = name
        self._stream = stream
        self._style = style
        self._colour = colour
        self._links = links

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn each alert into a card, or into a line, of its own."""
        return [self._rendered(alert) for alert in alerts]

    def render_notice(self, notice: Notice) -> Rendered:
        """Turn a notice into a card, or into a line, of its own."""
        if self._style == "ndjson":
            body, kind = encoded(notice_content.cloud_event(notice, source=SOURCE)) + b"\n", "application/x-ndjson"
        else:
            body, kind = notice_card(notice, colour=self._colour).encode(), "text/plain; charset=utf-8"
        return Rendered(f"{notice.id}.{notice.revision}", notice_content.told(notice), body, kind)

    async def send(self, message: Rendered) -> Receipt:
        """Write and flush, in a thread: whoever reads the pipe may be slow."""
        try:
            await asyncio.to_thread(self._write, message.body)
        except (OSError, ValueError):  # a closed pipe, a closed file
            return Receipt("broken", "stream_closed")
        return Receipt("sent", "written")

    async def close(self) -> None:
        """Leave the stream as it is."""

    def _rendered(self, alert: Alert) -> Rendered:
        if self._style == "ndjson":
            body, kind = encoded(cloud_event(alert, self._links)) + b"\n", "application/x-ndjson"
        else:
            body, kind = card(alert, self._links, colour=self._colour).encode(), "text/plain; charset=utf-8"
        return Rendered(f"{alert.id}.{alert.revision}", ((alert.id, alert.revision),), body, kind)

    def _write(self, body: bytes) -> None:
        self._stream.write(body)
        self._stream.flush()


def card(alert: Alert, links: Links = ALL_LINKS, *, colour: bool = False) -> str:
    """Return `alert` as lines of at most 100 characters (longer where a link or a name has no blank to break at)."""
    content = alert_content(alert, links)
    lines = [content.heading, *_fact(content.who.label, content.who.text)]
    for number, facts in enumerate(content.findings):
        lines += [""] * (number > 0)
        lines += [line for fact in facts for line in _fact(fact.label, fact.text)]
    if content.hidden:
        lines += _fact("", counted(content.hidden, "more finding") + " not shown")
    for number, step in enumerate(content.checks):
        lines += _fact("Check" if number == 0 else "", f"{number + 1}. {step}")
    if content.mitre:
        lines += _fact("ATT&CK", content.mitre)
    if colour and content.links:
        lines.append(f"{'Links':<13} {' · '.join(_hyperlink(link) for link in content.links)}")
    else:
        lines += [f"{link.label:<13} {link.url}" for link in content.links]
    code = _COLOURS.get(alert.severity.value, "1")
    top = f"\x1b[{code}m┌ {lines[0]}\x1b[0m" if colour else f"┌ {lines[0]}"
    return "\n".join([top, *(f"│ {line}".rstrip() for line in lines[1:]), f"└ {content.reference}"]) + "\n"


def notice_card(notice: Notice, *, colour: bool = False) -> str:
    """Return `notice` as lines of at most 100 characters."""
    said = notice_content.notice_content(notice)
    top = f"┌ {said.heading}"
    lines = [f"│ {line}".rstrip() for fact in said.facts for line in _fact(fact.label, fact.text)]
    code = "1;32" if notice.until else "1;33"
    return "\n".join([f"\x1b[{code}m{top}\x1b[0m" if colour else top, *lines, f"└ {said.reference}"]) + "\n"


def _hyperlink(link: Link) -> str:
    # OSC 8: terminals show the label and follow the address.
    return f"\x1b]8;;{link.url}\x1b\\{link.label}\x1b]8;;\x1b\\"


def _fact(label: str, text: str) -> list[str]:
    wrapped = textwrap.wrap(text, WIDTH - 16, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{label if number == 0 else '':<13} {line}" for number, line in enumerate(wrapped)]
