"""Gets messages from the outbox to their sinks: pacing, retries, and what became of each."""

from service.delivery.dispatcher import PACES, Delivery, Dispatcher, Route

__all__ = ["PACES", "Delivery", "Dispatcher", "Route"]
