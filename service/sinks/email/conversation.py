"""One conversation with a mail server, in a thread that may block: connect, encrypt, log in, hand over one letter.

How long it may take is whoever waits' to say: `Conversation.abort` ends it from any other thread.
"""

import smtplib
import socket
import ssl
from contextlib import suppress

from service.sinks.email.mail_host import MailEnvelope, MailHost
from service.sinks.posting.connecting import open_socket, verifying_context

STEP_SECONDS = 10.0
"""Longest silence of the server."""


class NoStartTlsError(smtplib.SMTPException):
    """The server does not offer to encrypt: it cannot, or somebody on the way has taken the offer out."""


class Conversation:
    """What is said to a mail server, once.

    Parameters
    ----------
    server
        Whom to talk to.
    """

    def __init__(self, server: MailHost) -> None:
        self._server = server
        self._socket: socket.socket | None = None
        self._is_over = False

    def deliver(self, letter: bytes, envelope: MailEnvelope, password: str) -> int:
        """Hand `letter` over; return how many of its recipients the server does not want, but for all of them.

        Raises
        ------
        OSError
            All that can go wrong, `smtplib.SMTPException` and `AddressRefusedError` among it.
        ValueError
            The password, or an answer, cannot be put in bytes.
        """
        server = self._server
        context = verifying_context(server.ca_file)
        smtp = _GuardedSmtp(server, context if server.tls == "tls" else None, self)
        try:
            smtp.ehlo_or_helo_if_needed()
            if server.tls == "starttls":
                if not smtp.has_extn("starttls"):
                    raise NoStartTlsError("no STARTTLS")
                smtp.starttls(context=context)
                self.holds(smtp.sock)
            if server.user is not None:
                smtp.login(server.user, password)
            refused = smtp.sendmail(envelope.sender, envelope.recipients, letter)
            with suppress(OSError):
                smtp.putcmd("quit")  # it has the letter: what it says to this is of no consequence
        finally:
            smtp.close()
        return len(refused)

    def holds(self, connection: socket.socket | None) -> None:
        """Take note of the connection, and let go of it at once if all is over."""
        self._socket = connection
        if self._is_over:
            self.abort()

    def abort(self) -> None:
        """End it: whoever waits for an answer in it gets an error."""
        self._is_over = True
        if self._socket is not None:
            with suppress(OSError):
                # The base class's: that of TLS takes the encryption from under the thread that is using it.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _GuardedSmtp(smtplib.SMTP):
    """A client that connects to permitted addresses alone."""

    def __init__(self, server: MailHost, context: ssl.SSLContext | None, conversation: Conversation) -> None:
        self._server = server
        self._context = context
        self._conversation = conversation
        super().__init__(server.host, server.port, timeout=STEP_SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # What smtplib asks for its connection, and what its own SMTP_SSL overrides.
        return open_socket(
            host, port, self._server.guard, seconds=timeout, holds=self._conversation.holds, context=self._context
        )
