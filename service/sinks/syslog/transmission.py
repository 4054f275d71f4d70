"""One message on its way to a collector, in a thread that may block: connect, send, and see that the other end has it.

Syslog has no answers. What can be known is that the collector has read to the end and closed its side after ours.
"""

import socket
import ssl
from contextlib import suppress

from service.sinks.posting.connecting import open_socket, verifying_context
from service.sinks.syslog.collector import Collector

SILENT_SECONDS = 10.0
"""Longest silence of the collector."""


class Transmission:
    """The way of one message.

    Parameters
    ----------
    collector
        Whom it goes to.
    """

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._socket: socket.socket | None = None
        self._is_over = False

    def send(self, message: bytes) -> None:
        """Send it and, over a stream, wait until the collector has read it.

        Raises
        ------
        OSError
            All that can go wrong.
        """
        collector = self._collector
        context = verifying_context(collector.ca_file) if collector.transport == "tls" else None
        connection = open_socket(
            collector.host,
            collector.port,
            collector.guard,
            seconds=SILENT_SECONDS,
            holds=self._holds,
            context=context,
            kind=socket.SOCK_DGRAM if collector.transport == "udp" else socket.SOCK_STREAM,
        )
        with connection:
            connection.sendall(message if collector.transport == "udp" else self._framed(message))
            if collector.transport != "udp":
                _see_it_read(connection)

    def abort(self) -> None:
        """End it: whoever waits in it gets an error."""
        self._is_over = True
        if self._socket is not None:
            with suppress(OSError):
                # The base class's: that of TLS takes the encryption from under the thread that is using it.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _holds(self, connection: socket.socket) -> None:
        self._socket = connection
        if self._is_over:
            self.abort()

    def _framed(self, message: bytes) -> bytes:
        return message + b"\n" if self._collector.framing == "newline" else b"%d %b" % (len(message), message)


def _see_it_read(connection: socket.socket) -> None:
    """Close our side, and wait for the collector to close its own, which it does when it has read to the end."""
    if isinstance(connection, ssl.SSLSocket):
        try:
            connection = connection.unwrap()
        except (ConnectionError, TimeoutError):
            raise
        except OSError:  # it closed without a farewell, as many do
            return
    with suppress(OSError):  # closed by it already
        connection.shutdown(socket.SHUT_WR)
    while connection.recv(4_096):
        pass
