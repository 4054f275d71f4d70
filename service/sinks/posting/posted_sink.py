"""What every sink that posts does alike: it has a name, posts a message once, says what came of it, and lets go.

What messages look like, and which headers go with them, is each kind's own.
"""

from collections.abc import Callable, Mapping

from service.core.ports import Receipt, Rendered
from service.sinks.posting.http_post import Answer, HttpPost, by_status

_NO_HEADERS: Mapping[str, str] = {}
_UNPALATABLE = frozenset({400, 413})
"""Statuses that say that the message is not to the receiver's liking: malformed to it, or too large."""


class PostedSink:
    """A sink, but for its rendering.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    http
        Posts to its address; closed with the sink.
    classify
        What an answer means for a retry.
    plain
        Makes a short plain message of one that the receiver cannot take; None if there is none shorter.
    """

    def __init__(
        self,
        name: str,
        http: HttpPost,
        classify: Callable[[Answer], Receipt] = by_status,
        plain: Callable[[Rendered], bytes] | None = None,
    ) -> None:
        self._name = name
        self._http = http
        self._classify = classify
        self._plain = plain

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    async def send(self, message: Rendered) -> Receipt:
        """Post once."""
        return await self._post(message)

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()

    async def _post(self, message: Rendered, headers: Mapping[str, str] = _NO_HEADERS) -> Receipt:
        """Post once; what the receiver cannot take, once more in short, so that nobody is left without a word."""
        all_headers = {"content-type": message.content_type, **headers}
        answer = await self._http.post(message.body, all_headers)
        if isinstance(answer, Receipt):
            return answer
        receipt = self._classify(answer)
        if self._plain is None or receipt.outcome != "refused" or answer.status not in _UNPALATABLE:
            return receipt
        try:
            short = self._plain(message)
        except (ValueError, LookupError, TypeError, AttributeError):  # made by another version, or changed by somebody
            return receipt
        again = await self._http.post(short, all_headers)
        shorter = again if isinstance(again, Receipt) else self._classify(again)
        match shorter.outcome:
            case "sent":
                return Receipt("sent", f"plain_after_{receipt.reason}")
            case "refused":
                return receipt
            case "retry" | "broken":
                return shorter
