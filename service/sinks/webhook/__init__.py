"""Any receiver of CloudEvents with an OCSF Detection Finding, signed after Standard Webhooks."""

from typing import TYPE_CHECKING

from service.core.ports import Clock, Pace
from service.sinks.integration import Integration
from service.sinks.webhook.settings import WebhookSettings

if TYPE_CHECKING:
    from service.sinks.webhook.sink import WebhookSink

__all__ = ["WEBHOOK"]


def build(name: str, settings: WebhookSettings, clock: Clock) -> "WebhookSink":
    """Build a generic webhook."""
    # Here, because settings name every kind of sink, and are read by commands that post nothing.
    from service.sinks.webhook.sink import WebhookSink  # noqa: PLC0415

    http = settings.http(clock)
    return WebhookSink(name, http, clock=clock, secrets=settings.signing, links=settings.links)


WEBHOOK = Integration(WebhookSettings, Pace(20.0), build)
