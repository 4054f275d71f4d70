"""What a flow's answer to a post means for a retry."""

import json
import re

from service.core.ports import Receipt
from service.sinks.posting.http_post import Answer, by_status

_HTTP_ERROR = re.compile(r"HTTP error (\d{3})")
_THROTTLED = re.compile(r"throttl|ratelimit|rate limit|toomanyrequests", re.IGNORECASE)
_OFF = re.compile(r"WorkflowTriggerIsNotEnabled|WorkflowNotFound|trigger is not enabled", re.IGNORECASE)


def classify(answer: Answer) -> Receipt:
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
