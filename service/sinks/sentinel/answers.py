"""What the Logs Ingestion API's answer to rows means for a retry."""

import json

from service.core.ports import Receipt
from service.sinks.posting.http_post import Answer, by_status

_BY_STATUS = {
    403: Receipt("broken", "rule_not_allowed"),
    404: Receipt("broken", "rule_not_found"),
    413: Receipt("refused", "too_large"),
}


def classify(answer: Answer) -> Receipt:
    """Say what an answer means.

    Notes
    -----
    A stream that the rule does not have is answered with 400, which would otherwise read as a bad row.
    """
    if answer.status == 400 and "stream" in _code(answer.text).lower():
        return Receipt("broken", "stream_not_found")
    return _BY_STATUS.get(answer.status) or by_status(answer)


def _code(text: str) -> str:
    try:
        error = json.loads(text)["error"]
        return str(error["code"])
    except (ValueError, KeyError, TypeError):
        return ""
