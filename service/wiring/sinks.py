"""Builds the sinks that the settings name."""

import sys

from azure.identity.aio import DefaultAzureCredential

from service.core.ports import Clock, Sink
from service.settings import AnySink, SlackSettings, StdoutSettings, TeamsSettings, WebhookSettings
from service.sinks import Links, SlackSink, StdoutSink, TeamsSink, WebhookSink


def build_sink(name: str, options: AnySink, clock: Clock) -> Sink:
    """Build one sink."""
    links = Links(options.portal_links, options.workspace or "", options.runbook_url or "")
    match options:
        case TeamsSettings():
            credential = DefaultAzureCredential() if options.auth == "entra" else None
            return TeamsSink(
                name,
                options.address,
                clock=clock,
                links=links,
                allow_hosts=options.allow_hosts,
                allow_loopback=options.allow_loopback,
                credential=credential,
            )
        case SlackSettings():
            return SlackSink(
                name,
                options.address,
                clock=clock,
                links=links,
                allow_hosts=options.allow_hosts,
                allow_loopback=options.allow_loopback,
            )
        case WebhookSettings():
            return WebhookSink(
                name,
                options.address,
                clock=clock,
                secrets=options.signing,
                links=links,
                allow_private=options.allow_private,
            )
        case StdoutSettings():
            colour = options.format == "card" and sys.stdout.isatty()
            return StdoutSink(name, sys.stdout.buffer, style=options.format, colour=colour, links=links)
