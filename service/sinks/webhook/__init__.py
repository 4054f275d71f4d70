"""Any receiver of CloudEvents with an OCSF Detection Finding, signed after Standard Webhooks."""

from service.core.ports import Clock, Pace
from service.sinks.integration import Integration
from service.sinks.webhook.settings import WebhookSettings
from service.sinks.webhook.sink import WebhookSink

__all__ = ["WEBHOOK"]


def build(name: str, settings: WebhookSettings, clock: Clock) -> WebhookSink:
    """Build a generic webhook."""
    http = settings.http(clock)
    return WebhookSink(name, http, clock=clock, secrets=settings.signing, links=settings.links)


WEBHOOK = Integration(WebhookSettings, Pace(20.0), build)
