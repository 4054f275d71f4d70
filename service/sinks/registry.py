"""Every kind of sink there is, a line each; what can be configured, built and paced follows from it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

from pydantic import Field

from service.core.ports import Clock, Sink
from service.sinks.email import EMAIL
from service.sinks.event_hub import EVENT_HUB
from service.sinks.integration import Integration, SinkSettings
from service.sinks.sentinel import SENTINEL
from service.sinks.slack import SLACK
from service.sinks.stdout import STDOUT
from service.sinks.syslog import SYSLOG
from service.sinks.teams import TEAMS
from service.sinks.template import TEMPLATE
from service.sinks.webhook import WEBHOOK

INTEGRATIONS: tuple[Integration[Any], ...] = (
    TEAMS,
    SLACK,
    WEBHOOK,
    TEMPLATE,
    EMAIL,
    EVENT_HUB,
    SENTINEL,
    SYSLOG,
    STDOUT,
)

KINDS: Mapping[str, Integration[Any]] = {one.kind: one for one in INTEGRATIONS}
"""The same by name of the kind."""

if TYPE_CHECKING:
    AnySink: TypeAlias = SinkSettings
else:
    AnySink = Annotated[Union[tuple(one.settings for one in INTEGRATIONS)], Field(discriminator="kind")]  # noqa: UP007 - of a tuple that is only known now


def build_sink(name: str, settings: SinkSettings, clock: Clock) -> Sink:
    """Build the sink that `settings` describe, called `name` in logs and metrics."""
    sink: Sink = KINDS[settings.kind].build(name, settings, clock)
    return sink
