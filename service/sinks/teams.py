"""Alerts as Adaptive Cards for Microsoft Teams, posted to a Workflows (Power Automate) webhook.

The flow answers 202 before it looks at the card and drops one that is too large, so size is our care. Retrying and
pacing are the dispatcher's.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from pydantic import JsonValue, SecretStr

from service.core.alerting import Alert
from service.core.notices import Notice
from service.core.ports import Clock, Receipt, Rendered
from service.sinks import notice_content
from service.sinks.alert_content import (
    ALL_LINKS,
    AlertContent,
    Fact,
    Links,
    alert_content,
    digest_title,
    heading,
    reference,
)
from service.sinks.http_post import Answer, HttpPost, OpenSession, by_status, open_session
from service.sinks.pagination import Element, Layout, Page, message_id, paginate, told
from service.sinks.wording import counted

HOSTS = ("*.logic.azure.com", "*.environment.api.powerplatform.com")
AUDIENCE = "https://service.flow.microsoft.com/.default"
# Teams refuses 28,672 bytes, counted after the flow has expanded the card by a good sixth.
BUDGET = 20_000
_ENVELOPE = 600  # the card around the alerts, its title, and the count of what is not shown
_COLOURS = {"critical": "Attention", "high": "Attention", "medium": "Warning", "low": "Accent"}
_HTTP_ERROR = re.compile(r"HTTP error (\d{3})")
_THROTTLED = re.compile(r"throttl|ratelimit|rate limit|toomanyrequests", re.IGNORECASE)
_OFF = re.compile(r"WorkflowTriggerIsNotEnabled|WorkflowNotFound|trigger is not enabled", re.IGNORECASE)


class TeamsSink:
    """A Teams channel or chat behind a Workflows webhook.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    url
        The webhook's address, or a file that holds it and is read anew for each message.
    clock
        For Retry-After dates.
    links
        Which links the cards carry.
    allow_hosts
        Hosts that may be posted to, ``*.`` standing for any subdomain.
    allow_loopback
        Whether a receiver on this machine will do too, over plain http; for demonstrations and tests.
    credential
        An azure-identity credential, if the flow only accepts callers of this tenant; closed with the sink.
    session
        Makes the HTTP session, once, at the first message.

    Notes
    -----
    Whatever an outsider may have chosen (names, resources) stands in a TextRun, the one Adaptive Card text that
    Markdown does not reach, so that a name cannot become a link.
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
        credential: AsyncTokenCredential | None = None,
        session: OpenSession = open_session,
    ) -> None:
        self._name = name
        self._links = links
        self._credential = credential
        self._http = HttpPost(url, clock=clock, allow_hosts=allow_hosts, allow_loopback=allow_loopback, session=session)

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn alerts into cards of at most 20,000 bytes: one if they fit, three at most."""
        layout = Layout(self._full, lambda alert: [_line(alert)], _weight, BUDGET - _ENVELOPE, 200)
        pages = paginate(alerts, layout)
        return [self._rendered(page, part, len(pages)) for part, page in enumerate(pages)]

    def render_notice(self, notice: Notice) -> Rendered:
        """Turn a notice into a card of its own."""
        said = notice_content.notice_content(notice)
        heading = _rich([_run(said.heading, weight="Bolder", color="Good" if notice.until else "Warning")])
        facts: list[JsonValue] = [_fact(fact) for fact in said.facts]
        below = _rich([_run(said.reference, isSubtle=True, size="Small")])
        elements: list[Element] = [heading, {"type": "Container", "spacing": "Small", "items": facts}, below]
        body = json.dumps(_card(elements, ""), ensure_ascii=False, separators=(",", ":")).encode()
        return Rendered(f"{notice.id}.{notice.revision}", notice_content.told(notice), body)

    async def send(self, message: Rendered) -> Receipt:
        """Post once; a 2xx answer that carries an error inside is taken at its word."""
        headers = {"content-type": message.content_type}
        if self._credential is not None:
            try:
                token = await self._credential.get_token(AUDIENCE)
            except AzureError:
                return Receipt("retry", "entra_token")
            headers["authorization"] = f"Bearer {token.token}"
        answer = await self._http.post(message.body, headers)
        return answer if isinstance(answer, Receipt) else judge(answer)

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()
        if self._credential is not None:
            await self._credential.close()

    def _rendered(self, page: Page, part: int, parts: int) -> Rendered:
        title = ""
        if len(page.alerts) > 1 or parts > 1:
            title = digest_title(page.alerts)
            title += f" ({part + 1} of {parts})" if parts > 1 else ""
        elements = list(page.elements)
        if page.hidden:
            elements.append({"type": "TextBlock", "text": f"{page.hidden:,} more not shown.", "isSubtle": True})
        body = json.dumps(_card(elements, title), ensure_ascii=False, separators=(",", ":")).encode()
        return Rendered(message_id("teams", page.alerts, part), told(page.alerts), body)

    def _full(self, alert: Alert, findings: int) -> list[Element]:
        return [_container(alert, alert_content(alert, self._links, findings=findings))]


def judge(answer: Answer) -> Receipt:
    """Say what a flow's answer means.

    Notes
    -----
    A switched-off flow answers 400, which would otherwise read as a bad card; a front end in trouble answers 2xx with
    an error in the body.
    """
    if answer.status >= 400 and _OFF.search(answer.text):
        return Receipt("broken", "flow_disabled")
    if not 200 <= answer.status < 300:
        return by_status(answer)
    inner = _HTTP_ERROR.search(answer.text)
    if inner:
        return by_status(answer._replace(status=int(inner.group(1))))
    if _error_inside(answer.text):
        throttled = _THROTTLED.search(answer.text)
        return Receipt("retry", "throttled", answer.retry_after) if throttled else Receipt("refused", "error_in_body")
    return by_status(answer)


def _error_inside(text: str) -> bool:
    try:
        body = json.loads(text)
    except ValueError:
        return False
    return isinstance(body, dict) and bool(body.get("error"))


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
    items: list[JsonValue] = [_heading(alert, content.heading), _fact(content.who)]
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
    if content.links:
        actions: list[JsonValue] = [
            {"type": "Action.OpenUrl", "title": li.label, "url": li.url} for li in content.links
        ]
        items.append({"type": "ActionSet", "actions": actions})
    items.append(_rich([_run(content.reference, isSubtle=True, size="Small")]))
    return {"type": "Container", "separator": True, "spacing": "Medium", "items": items}


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
