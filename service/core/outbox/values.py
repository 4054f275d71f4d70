"""What an outbox answers: what became of an attempt, since when a sink is broken, and what will never be delivered."""

from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import JsonValue

from service.core.ports import Rendered

Fate = Literal["refused", "expired", "overflowed", "orphaned"]


class Undeliverable(NamedTuple):
    """A message that will not be delivered any more, and why.

    Attributes
    ----------
    sink
        Name of the sink that it was for.
    message
        The message, whole.
    fate
        ``refused`` by the receiver, ``expired`` before it could be delivered, ``overflowed`` because there was no room
        beside more urgent or newer ones, ``orphaned`` because its sink is no longer configured.
    reason
        The last receipt's; empty if it was never tried.
    attempts
        How often it was tried.
    """

    sink: str
    message: Rendered
    fate: Fate
    reason: str
    attempts: int

    def entry(self) -> dict[str, JsonValue]:
        """Return it as plain JSON, the body as text; what is no UTF-8 in it is replaced."""
        return {
            "sink": self.sink,
            "fate": self.fate,
            "reason": self.reason,
            "attempts": self.attempts,
            "message_id": self.message.id,
            "alerts": [[alert, revision] for alert, revision in self.message.alerts],
            "content_type": self.message.content_type,
            "body": self.message.body.decode("utf-8", "replace"),
        }


class Broken(NamedTuple):
    """Since when a sink's address has not been accepted, and what it answers."""

    since: datetime
    reason: str


class Decision(NamedTuple):
    """What `Outbox.record` made of a receipt.

    Attributes
    ----------
    attempts
        How often the message has been tried, this time included.
    next_try
        When it may be tried again; None if it is settled.
    undeliverable
        The message, if this attempt was the end of it.
    """

    attempts: int
    next_try: datetime | None
    undeliverable: Undeliverable | None = None
