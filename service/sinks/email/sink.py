"""Sends letters through a mail server, each in a conversation of its own; retrying is the dispatcher's."""

from collections.abc import Sequence

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Clock, Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.email.answers import receipt_of
from service.sinks.email.conversation import Conversation
from service.sinks.email.mail_host import MailEnvelope, MailHost
from service.sinks.email.rendering import compose, render, render_notice
from service.sinks.posting.receiver import READ_WITHIN, reveal
from service.waiting import OneAside

LETTER_SECONDS = 20.0


class EmailSink:
    """Mailboxes, behind a mail server.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    server
        Takes the letters.
    envelope
        From whom and to whom they are.
    clock
        For their dates.
    links
        Which links they carry.
    total_seconds
        Longest time for one letter, everything included.
    """

    def __init__(
        self,
        name: str,
        server: MailHost,
        envelope: MailEnvelope,
        *,
        clock: Clock,
        links: Links = ALL_LINKS,
        total_seconds: float = LETTER_SECONDS,
    ) -> None:
        self._name = name
        self._server = server
        self._envelope = envelope
        self._clock = clock
        self._links = links
        self._reading = OneAside(READ_WITHIN)
        self._talking = OneAside(total_seconds)

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn alerts into as few letters as are fit to be read."""
        return render(alerts, self._links)

    def render_notice(self, notice: AnyNotice) -> Rendered:
        """Turn a notice into a letter of its own."""
        return render_notice(notice)

    async def send(self, message: Rendered) -> Receipt:
        """Hand one letter over to the server, once."""
        try:
            secret = self._server.password
            password = await self._reading.run(reveal, secret) if secret is not None else ""
        except OSError:
            return Receipt("retry", "password_unreadable")
        except ValueError:
            return Receipt("broken", "password_invalid")
        conversation = Conversation(self._server)
        try:
            letter = compose(message, self._envelope, self._clock.now())
            unwanted = await self._talking.run(conversation.deliver, letter, self._envelope, password)
        except (OSError, ValueError) as error:
            return receipt_of(error)
        finally:
            conversation.abort()
        return Receipt("sent", "not_to_all_recipients" if unwanted else "smtp_250")

    async def close(self) -> None:
        """Release nothing: no connection outlives its letter."""
