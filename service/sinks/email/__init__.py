"""Email: a letter through a mail server, in plain text and in HTML."""

from typing import TYPE_CHECKING

from service.core.ports import Clock, Pace
from service.sinks.email.settings import EmailSettings
from service.sinks.integration import Integration

if TYPE_CHECKING:
    from service.sinks.email.sink import EmailSink

__all__ = ["EMAIL"]


def build(name: str, settings: EmailSettings, clock: Clock) -> "EmailSink":
    """Build what sends letters."""
    # Here, because settings name every kind of sink, and are read by commands that send nothing.
    from service.sinks.email.sink import EmailSink  # noqa: PLC0415

    return EmailSink(name, settings.server, settings.envelope, clock=clock, links=settings.links)


# Exchange Online takes thirty letters a minute of one mailbox:
# https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits
EMAIL = Integration(EmailSettings, Pace(0.5, at_once=50), build)
