"""From an alert and a template to the bytes of a request; what fails is kept whole instead, and is never sent."""

import json
from collections.abc import Mapping
from typing import Any

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import ALERT, NOTICE, Rendered
from service.sinks.content.alert_content import Links
from service.sinks.content.cloud_event import cut_alert, notice_event
from service.sinks.content.messages import compact, message_about
from service.sinks.template.given import alert_given, notice_given
from service.sinks.template.sandbox import MOST_MADE_BYTES, BodyTemplate, TemplateRefusedError

UNRENDERED = frozenset({ALERT, NOTICE})
"""Content types of what no template could make a message of."""


class Body:
    """What makes the body of a request.

    Parameters
    ----------
    template
        Makes the text.
    content_type
        Of the body; what is called JSON must be JSON.
    is_object
        Whether it must be an object, because members are added to it.
    """

    def __init__(self, template: BodyTemplate, content_type: str, *, is_object: bool = False) -> None:
        self._template = template
        self._content_type = content_type
        self._is_json = is_object or "json" in content_type.lower()
        self._is_object = is_object

    def alert(self, alert: Alert, links: Links) -> Rendered:
        """Return the message that tells `alert`, or the alert itself if the template fails."""
        try:
            return message_about(alert, self.made(alert_given(alert, links)), self._content_type)
        except TemplateRefusedError:
            return message_about(alert, _whole(alert), ALERT)

    def failure(self, message: Rendered, links: Links) -> str:
        """Return where and how the template fails at what `message` holds, as far as it is an alert that is whole."""
        try:
            self.made(alert_given(Alert.model_validate_json(message.body), links))
        except TemplateRefusedError as error:
            return f": {error}"
        except ValueError:
            return ""
        return ""

    def notice(self, notice: AnyNotice) -> Rendered:
        """Return the message that tells `notice`, or the notice as an event if the template fails."""
        try:
            return message_about(notice, self.made(notice_given(notice)), self._content_type)
        except TemplateRefusedError:
            return message_about(notice, compact(notice_event(notice)), NOTICE)

    def made(self, given: Mapping[str, Any]) -> bytes:
        """Return the body.

        Raises
        ------
        TemplateRefusedError
            If the template fails, or does not make what it should.
        """
        text = self._template.text(given)
        if not self._is_json:
            return text.encode("utf-8", "replace")
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise TemplateRefusedError(f"makes no JSON: {error.msg} in its line {error.lineno}") from None
        except RecursionError:
            raise TemplateRefusedError("makes JSON that is nested too deeply") from None
        if self._is_object and not isinstance(value, dict):
            raise TemplateRefusedError("makes no JSON object, to which member_files could add")
        return compact(value)


def _whole(alert: Alert) -> bytes:
    body = alert.model_dump_json().encode()
    for longest, findings in ((1024, 25), (128, 25), (64, 5)):
        if len(body) <= MOST_MADE_BYTES:
            break
        body = cut_alert(alert, longest, findings).model_dump_json().encode()
    return body
