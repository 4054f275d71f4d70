"""Gets messages from the outbox to their sinks: pacing, retries, what became of each, and trying again by hand."""

from service.delivery.dispatcher import Delivery, Dispatcher, Route
from service.delivery.resending import Outstanding, Undelivered, outstanding, resend, resent
from service.delivery.undeliverable import UndeliverableWriter

__all__ = [
    "Delivery",
    "Dispatcher",
    "Outstanding",
    "Route",
    "UndeliverableWriter",
    "Undelivered",
    "outstanding",
    "resend",
    "resent",
]
