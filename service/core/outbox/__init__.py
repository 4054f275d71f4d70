"""The outbox: messages that wait for their delivery, with their attempts, kept in the snapshot before they are sent."""

from service.core.outbox.outbox import LIFETIME, LONGEST_DELAY, LONGEST_RETRY_AFTER, PROBE_SECONDS, Outbox
from service.core.outbox.values import Broken, Decision, Fate, Undeliverable

__all__ = [
    "LIFETIME",
    "LONGEST_DELAY",
    "LONGEST_RETRY_AFTER",
    "PROBE_SECONDS",
    "Broken",
    "Decision",
    "Fate",
    "Outbox",
    "Undeliverable",
]
