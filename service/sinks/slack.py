"""Alerts as Block Kit messages for Slack, posted to an incoming webhook.

Whatever an outsider may have chosen stands in plain_text, where Slack sees neither mentions nor links. Retrying and
pacing are the dispatcher's.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue, SecretStr

from service.core.alerting import Alert
from service.core.notices import Notice
from service.core.ports import Clock, Receipt, Rendered
from service.sinks import notice_content
from service.sinks.alert_content import ALL_LINKS, AlertContent, Link, Links, alert_content, heading, others, reference
from service.sinks.http_post import Answer, HttpPost, OpenSession, by_status, open_session
from service.sinks.pagination import Element, Layout, Page, message_id, paginate, told
from service.sinks.wording import clean, counted

HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
# Limits of Block Kit; the whole message is refused somewhat above 13,000 characters (msg_blocks_too_long).
BLOCKS = 50
HEADER = 150
SECTION = 3_000
MESSAGE = 12_000
_ENVELOPE = 700  # the message around the blocks, its top-level text, and the count of what is not shown
# What Slack answers in words; anything else is reported by its status, so that reasons stay few.
_WORDS = frozenset({"invalid_payload", "invalid_blocks", "invalid_blocks_format", "no_text", "msg_too_long"})
_WORDS_OF_ADDRESS = frozenset({
    "action_prohibited", "channel_is_archived", "channel_not_found", "invalid_token", "no_active_hooks", "no_service",
    "no_service_id", "no_team", "posting_to_general_channel_denied", "team_disabled", "user_not_found",
})  # fmt: skip
_MARKS = {"critical": "🔴", "high": "🔴", "medium": "🟠", "low": "🟡"}


class SlackSink:
    """A Slack channel behind an incoming webhook.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    url
        The webhook's address, or a file that holds it and is read anew for each message.
    clock
        For Retry-After dates.
    links
        Which links the messages carry.
    allow_hosts
        Hosts that may be posted to, ``*.`` standing for any subdomain.
    allow_loopback
        Whether a receiver on this machine will do too, over plain http; for demonstrations and tests.
    session
        Makes the HTTP session, once, at the first message.
    """

    def __init__(
        self,
        name: str,
        url: SecretStr | Path,
        *,
        clock: Clock,
        links: Links = ALL_LINKS,
        allow_hosts: Sequence[str] = HOSTS,
        allow_loopback: bool = False,
        session: OpenSession = open_session,
    ) -> None:
        self._name = name
        self._links = links
        self._http = HttpPost(url, clock=clock, allow_hosts=allow_hosts, allow_loopback=allow_loopback, session=session)

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn alerts into messages of at most 50 blocks and 12,000 characters: one if they fit, three at most."""
        pages = paginate(alerts, Layout(self._full, _brief, _weight, MESSAGE - _ENVELOPE, BLOCKS - 1))
        return [self._rendered(page, part, len(pages)) for part, page in enumerate(pages)]

    def render_notice(self, notice: Notice) -> Rendered:
        """Turn a notice into a message of its own."""
        said = notice_content.notice_content(notice)
        blocks: list[Element] = [
            {"type": "header", "text": _plain(clean(("🟢 " if notice.until else "⚪ ") + said.heading, HEADER))},
            _section([f"{fact.label}: {fact.text}" for fact in said.facts]),
            _context([_plain(said.reference)]),
        ]
        body = json.dumps(_message(said.heading, blocks), ensure_ascii=False, separators=(",", ":")).encode()
        return Rendered(f"{notice.id}.{notice.revision}", notice_content.told(notice), body)

    async def send(self, message: Rendered) -> Receipt:
        """Post once; only the answer ``ok`` is success."""
        answer = await self._http.post(message.body, {"content-type": message.content_type})
        return answer if isinstance(answer, Receipt) else judge(answer)

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()

    def _rendered(self, page: Page, part: int, parts: int) -> Rendered:
        blocks = list(page.elements[:-1])  # the last divider separates from nothing
        if page.hidden:
            blocks.append(_context([_plain(f"{page.hidden:,} more not shown.")]))
        text = heading(page.alerts[0])
        if len(page.alerts) > 1:
            text += f" (and {others(page.alerts[1:])})"
        if parts > 1:
            text += f" ({part + 1} of {parts})"
        body = json.dumps(_message(text, blocks), ensure_ascii=False, separators=(",", ":")).encode()
        return Rendered(message_id("slack", page.alerts, part), told(page.alerts), body)

    def _full(self, alert: Alert, findings: int) -> list[Element]:
        return _blocks(alert, alert_content(alert, self._links, findings=findings))


def judge(answer: Answer) -> Receipt:
    """Say what Slack's answer means; its words are more precise than its statuses."""
    word = answer.text.strip()
    if 200 <= answer.status < 300:
        # Anything but "ok" comes from somebody who is not Slack: a proxy's sign-in page, for one.
        return by_status(answer) if answer.status == 200 and word == "ok" else Receipt("broken", "answer_not_ok")
    if word in _WORDS_OF_ADDRESS:
        return Receipt("broken", word)
    receipt = by_status(answer)
    return receipt._replace(reason=word) if word in _WORDS else receipt


def _weight(element: Element) -> int:
    return len(json.dumps(element, ensure_ascii=False, separators=(",", ":"))) + 1


def _message(text: str, blocks: Sequence[Element]) -> Element:
    return {"text": _escape(text), "blocks": list(blocks), "unfurl_links": False, "unfurl_media": False}


def _blocks(alert: Alert, content: AlertContent) -> list[Element]:
    blocks: list[Element] = [
        {"type": "header", "text": _plain(clean(_mark(alert) + content.heading, HEADER))},
        _section([f"{content.who.label}: {content.who.text}"]),
    ]
    blocks += [_section([f"{fact.label}: {fact.text}" for fact in facts]) for facts in content.findings]
    if content.hidden:
        blocks.append(_context([_plain(counted(content.hidden, "more finding") + " not shown.")]))
    if content.checks:
        blocks.append(_section(["Check next", *(f"{number}. {step}" for number, step in enumerate(content.checks, 1))]))
    if content.mitre:
        blocks.append(_context([_plain(f"ATT&CK: {content.mitre}")]))
    if content.links:
        links: JsonValue = {"type": "mrkdwn", "text": " · ".join(_link(link) for link in content.links)}
        blocks.append({"type": "section", "text": links})
    return [*blocks, _context([_plain(content.reference)]), {"type": "divider"}]


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
