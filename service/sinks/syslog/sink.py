"""Sends messages to a collector of syslog, each over a connection of its own; retrying is the dispatcher's."""

from collections.abc import Sequence

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.syslog.answers import receipt_of
from service.sinks.syslog.collector import Collector
from service.sinks.syslog.rendering import render, render_notice
from service.sinks.syslog.transmission import Transmission
from service.waiting import OneAside

MESSAGE_SECONDS = 20.0


class SyslogSink:
    """A collector of syslog.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    collector
        Who takes the messages, and how they are put for it.
    links
        Which links they carry.
    total_seconds
        Longest time for one message, everything included.
    """

    def __init__(
        self, name: str, collector: Collector, links: Links = ALL_LINKS, total_seconds: float = MESSAGE_SECONDS
    ) -> None:
        self._name = name
        self._collector = collector
        self._links = links
        self._sending = OneAside(total_seconds)

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn each alert into a message of its own."""
        return render(alerts, self._collector, self._links)

    def render_notice(self, notice: AnyNotice) -> Rendered:
        """Turn a notice into a message of its own."""
        return render_notice(notice, self._collector)

    async def send(self, message: Rendered) -> Receipt:
        """Send one message, once."""
        transmission = Transmission(self._collector)
        try:
            await self._sending.run(transmission.send, message.body)
        except OSError as error:
            return receipt_of(error)
        finally:
            transmission.abort()
        return Receipt("sent", "datagram" if self._collector.transport == "udp" else "read")

    async def close(self) -> None:
        """Release nothing: no connection outlives its message."""
