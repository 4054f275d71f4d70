"""Posts what a template makes, with headers and members that are secrets; when to try again is the dispatcher's."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.content.messages import compact
from service.sinks.posting.http_post import HttpPost, reveal_aside
from service.sinks.posting.posted_sink import PostedSink
from service.sinks.posting.receiver import READ_WITHIN
from service.sinks.template.rendering import UNRENDERED, Body
from service.sinks.template.settings import check_secret
from service.waiting import OneAside


class TemplateSink(PostedSink):
    """A receiver of whatever a template makes.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    http
        Posts to the receiver's address.
    body
        Makes the bodies.
    links
        Which links a template is given.
    updates
        Whether later revisions of an alert are sent, too.
    header_files
        Files that hold the values of headers, read again for each post.
    member_files
        Files that hold the values of members of the body, read again for each post: no snapshot and no dead letter has
        them.
    """

    def __init__(
        self,
        name: str,
        http: HttpPost,
        body: Body,
        *,
        links: Links = ALL_LINKS,
        updates: bool = True,
        header_files: Mapping[str, Path] | None = None,
        member_files: Mapping[str, Path] | None = None,
    ) -> None:
        super().__init__(name, http)
        self._body = body
        self._links = links
        self._updates = updates
        self._header_files = dict(header_files or {})
        self._member_files = dict(member_files or {})
        self._aside = OneAside(READ_WITHIN)

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn each alert into one body."""
        return [self._body.alert(alert, self._links) for alert in alerts if self._updates or alert.revision == 1]

    def render_notice(self, notice: AnyNotice) -> Rendered:
        """Turn a notice into one body."""
        return self._body.notice(notice)

    async def send(self, message: Rendered) -> Receipt:
        """Add the secrets and post once; what the template failed at is refused, and so goes to the dead letter."""
        if message.content_type in UNRENDERED:
            return Receipt("refused", f"template_failed{self._body.failure(message, self._links)}")
        try:
            headers = await self._secrets(self._header_files)
            members = await self._secrets(self._member_files)
        except OSError:
            return Receipt("retry", "secret_unreadable")
        except ValueError:
            return Receipt("broken", "secret_invalid")
        if members:
            message = message._replace(body=compact({**json.loads(message.body), **members}))
        return await self._post(message, headers)

    async def _secrets(self, files: Mapping[str, Path]) -> dict[str, str]:
        found = {}
        for name, file in files.items():
            found[name] = await reveal_aside(self._aside, file)
            check_secret(found[name])
        return found
