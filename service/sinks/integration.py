"""What makes a kind of sink: its options, how fast its receiver may be spoken to, and how one is built.

Which kinds there are is `registry`'s to say.
"""

from collections.abc import Callable
from typing import Generic, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, field_validator

from models.statistics import Severity
from service.core.ports import Clock, Pace, Sink
from service.options import Section
from service.sinks.content.alert_content import Links

PORTALS = {"public": "portal.azure.com", "usgov": "portal.azure.us", "china": "portal.azure.cn"}


class SinkSettings(Section):
    """The options that every sink has; a kind of its own gives `kind` its one value and adds what is its own."""

    kind: str
    enabled: bool = True
    """Whether alerts are sent there."""
    min_severity: Severity = Severity.INFORMATIONAL
    """Least severity to send: informational, low, medium, high or critical."""
    notices: bool = True
    """Whether to send notices of coverage gaps: input is missing, late or lost, and is complete again."""
    verdicts: bool = True
    """Whether to send what the alerts that were sent there are found to be."""
    runbook_url: str | None = Field(default=None, examples=["https://wiki.example.com/unwonted"])
    """Link for the reader of an alert: what to do next; {detector} in it stands for the detector's name."""
    portal_links: bool = True
    """Whether alerts link to the Azure portal: the activity log, and a query ready to run."""
    cloud: Literal["public", "usgov", "china"] = "public"
    """Whose portal the links lead to: public, usgov (portal.azure.us) or china (portal.azure.cn)."""
    workspace: str | None = Field(
        default=None, examples=["/subscriptions/…/providers/Microsoft.OperationalInsights/workspaces/soc"]
    )
    """Resource id of the Log Analytics workspace that the query opens in."""

    _console: str = PrivateAttr(default="")

    @field_validator("runbook_url")
    @classmethod
    def _runbook_is_a_link(cls, value: str | None) -> str | None:
        if value is not None and not (value.startswith(("https://", "http://")) and urlsplit(value).hostname):
            raise ValueError("should be a web address, https://…")
        return value

    @property
    def follows_up(self) -> bool:
        """Whether what an alert was found to be is told there."""
        return self.verdicts

    def file_problems(self) -> list[str]:
        """Say what is wrong now with the files that hold its secrets, ``option: file: reason``, without their text."""
        return []

    def destination(self) -> str:
        """Return the host that it posts to, which is no secret as the rest of an address is; empty if there is none."""
        return ""

    def lead_to(self, console: str) -> None:
        """Have alerts lead to the console at this address, without a slash at its end; empty for none."""
        self._console = console

    @property
    def links(self) -> Links:
        """Which links an alert carries there."""
        return Links(
            self.portal_links, self.workspace or "", self.runbook_url or "", PORTALS[self.cloud], self._console
        )


_S = TypeVar("_S", bound=SinkSettings)


class Integration(NamedTuple, Generic[_S]):
    """A kind of sink.

    Attributes
    ----------
    settings
        Its options; the default of `kind` is the name of the kind.
    pace
        How fast its receiver may be spoken to.
    build
        Makes one of its name and options.
    """

    settings: type[_S]
    pace: Pace
    build: Callable[[str, _S, Clock], Sink]

    @property
    def kind(self) -> str:
        """Name of the kind, as in ``kind: slack``."""
        return str(self.settings.model_fields["kind"].default)
