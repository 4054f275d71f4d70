"""Writes alerts and notices to a stream, each as soon as it is sent."""

from collections.abc import Sequence
from typing import BinaryIO, Literal

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.content.cloud_event import cloud_event, notice_event
from service.sinks.content.messages import compact, message_about
from service.sinks.stdout.rendering import card, notice_card
from service.waiting import Occupied, OneAside

WRITE_WITHIN = 20.0  # seconds


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
        self._aside = OneAside(WRITE_WITHIN)

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn each alert into a card, or into a line, of its own."""
        return [self._rendered(alert) for alert in alerts]

    def render_notice(self, notice: AnyNotice) -> Rendered:
        """Turn a notice into a card, or into a line, of its own."""
        if self._style == "ndjson":
            body, kind = compact(notice_event(notice)) + b"\n", "application/x-ndjson"
        else:
            body, kind = notice_card(notice, colour=self._colour).encode(), "text/plain; charset=utf-8"
        return message_about(notice, body, kind)

    async def send(self, message: Rendered) -> Receipt:
        """Write and flush, in a thread: whoever reads the pipe may be slow."""
        try:
            await self._aside.run(self._write, message.body)
        except (TimeoutError, Occupied):
            return Receipt("retry", "stream_blocked")
        except (OSError, ValueError):  # a closed pipe, a closed file
            return Receipt("broken", "stream_closed")
        return Receipt("sent", "written")

    async def close(self) -> None:
        """Leave the stream as it is."""

    def _rendered(self, alert: Alert) -> Rendered:
        if self._style == "ndjson":
            body, kind = compact(cloud_event(alert, self._links)) + b"\n", "application/x-ndjson"
        else:
            body, kind = card(alert, self._links, colour=self._colour).encode(), "text/plain; charset=utf-8"
        return message_about(alert, body, kind)

    def _write(self, body: bytes) -> None:
        left = memoryview(body)
        while left:
            left = left[self._stream.write(left) :]
        self._stream.flush()
