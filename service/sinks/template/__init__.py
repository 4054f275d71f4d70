"""Any receiver of posts whose body a template makes: PagerDuty, Opsgenie, ServiceNow, Jira, Splunk, or your own."""

from typing import TYPE_CHECKING

from service.core.ports import Clock, Pace
from service.sinks.integration import Integration
from service.sinks.template.settings import TemplateSettings

if TYPE_CHECKING:
    from service.sinks.template.sink import TemplateSink

__all__ = ["TEMPLATE"]


def build(name: str, settings: TemplateSettings, clock: Clock) -> "TemplateSink":
    """Build a webhook with a template."""
    # Here, because settings name every kind of sink, and are read by commands that post nothing.
    from service.sinks.template.sink import TemplateSink  # noqa: PLC0415

    return TemplateSink(
        name,
        settings.http(clock),
        settings.body(),
        links=settings.links,
        updates=settings.updates,
        header_files=settings.header_files,
        member_files=settings.member_files,
    )


# Slower than the least of them allows, PagerDuty's 120 events a minute: https://developer.pagerduty.com/docs/events-api-v2/overview/
TEMPLATE = Integration(TemplateSettings, Pace(1.0, at_once=50), build)
