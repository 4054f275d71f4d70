"""Gets messages from the outbox to their sinks: pacing, retries, and what became of each."""

from service.delivery.dispatcher import Delivery, Dispatcher, Route
from service.delivery.undeliverable import UndeliverableWriter

__all__ = ["Delivery", "Dispatcher", "Route", "UndeliverableWriter"]
