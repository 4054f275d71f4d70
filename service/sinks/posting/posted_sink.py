"""What every sink that posts does alike: it has a name, posts a message once, says what came of it, and lets go.

What messages look like, and which headers go with them, is each kind's own.
"""

from collections.abc import Callable, Mapping

from service.core.ports import Receipt, Rendered
from service.sinks.posting.http_post import Answer, HttpPost, by_status

_NO_HEADERS: Mapping[str, str] = {}


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
    """

    def __init__(self, name: str, http: HttpPost, classify: Callable[[Answer], Receipt] = by_status) -> None:
        self._name = name
        self._http = http
        self._classify = classify

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
        answer = await self._http.post(message.body, {"content-type": message.content_type, **headers})
        return answer if isinstance(answer, Receipt) else self._classify(answer)
