"""What can be configured of a webhook with a template; a template that fails for a sample is a wrong configuration."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from models.statistics import Severity
from service.core.alerting import sample_alert
from service.core.notices import GapKind, Notice
from service.core.verdicts import VerdictKind, VerdictNotice
from service.sinks.posting.address import GuardedSinkSettings, file_problem

if TYPE_CHECKING:
    from service.sinks.template.rendering import Body

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110, section 5.6.2
_OURS = frozenset({"connection", "content-length", "content-type", "host", "transfer-encoding", "user-agent"})
_LONGEST_SECRET = 8_192
_SAMPLE_TIME = datetime(2026, 1, 5, 9, tzinfo=UTC)


class TemplateSettings(GuardedSinkSettings):
    """Any receiver of HTTP posts, whose body a template makes: ready ones for other products, or one of your own."""

    kind: Literal["template"] = "template"
    """Makes this sink a webhook with a template."""
    preset: Literal["json", "jira", "opsgenie", "pagerduty", "servicenow", "splunk"] = "json"
    """Template that is ready: json for any receiver, or the interface of that product."""
    template_file: Path | None = Field(default=None, examples=["/etc/unwonted/body.json.j2"])
    """File with a template of your own (Jinja), instead of a preset; read once, at the start."""
    values: Mapping[str, str] = Field(default={}, examples=[{"project": "SOC", "issuetype": "Task"}])
    """What the template knows as values.NAME; jira needs project and issuetype, splunk may have index."""
    content_type: str = "application/json"
    """Type of the body; where it is JSON, what the template makes is checked to be."""
    updates: bool = True
    """Whether an alert that has changed is sent again; false for a receiver that makes a new ticket of each post."""
    header_files: Mapping[str, Path] = Field(default={}, examples=[{"Authorization": "/mnt/secrets-store/genie-key"}])
    """Files with the values of HTTP headers, whole as they are sent; read again at every delivery."""
    member_files: Mapping[str, Path] = Field(default={}, examples=[{"routing_key": "/mnt/secrets-store/routing-key"}])
    """Files with secrets that are members of the body, which must be a JSON object; read again at every delivery."""

    @property
    def follows_up(self) -> bool:
        """Whether what an alert was found to be is told there: it is news of the alert, too."""
        return self.verdicts and self.updates

    @field_validator("content_type")
    @classmethod
    def _content_type_is_one(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+(; ?charset=utf-8)?", value):
            raise ValueError("should be a type such as application/json")
        return value

    @field_validator("header_files")
    @classmethod
    def _headers_are_headers(cls, value: Mapping[str, Path]) -> Mapping[str, Path]:
        for name in value:
            if not _HEADER.fullmatch(name) or name.lower() in _OURS:
                raise ValueError("should name HTTP headers, and none of those that every request has")
        return value

    @model_validator(mode="after")
    def _template_works(self) -> "TemplateSettings":
        from service.sinks.template.given import alert_given, notice_given  # noqa: PLC0415

        if self.template_file is not None and "preset" in self.model_fields_set:
            raise ValueError("needs at most one of preset and template_file")
        if self.template_file is None and self.preset == "pagerduty" and "routing_key" not in self.member_files:
            raise ValueError("needs member_files with routing_key when preset is pagerduty")
        body = self.body()
        option = self._template_option()
        try:
            body.made(alert_given(sample_alert(_SAMPLE_TIME), self.links))
            body.made(notice_given(_SAMPLE_NOTICE))
            if self.follows_up:
                body.made(notice_given(_SAMPLE_VERDICT))
        except ValueError as error:
            raise ValueError(f"{option} {error}") from None
        return self

    def body(self) -> "Body":
        """Return what makes the bodies.

        Raises
        ------
        ValueError
            If the template cannot be read, or is none that may be used.
        """
        # Here, because most commands read settings and render nothing.
        from service.sinks.template.rendering import Body  # noqa: PLC0415
        from service.sinks.template.sandbox import BodyTemplate  # noqa: PLC0415

        try:
            template = BodyTemplate(self._source(), self.values)
        except UnicodeDecodeError:
            raise ValueError(f"{self._template_option()} is not UTF-8 text") from None
        except OSError as error:
            raise ValueError(f"{self._template_option()} cannot be read: {error.strerror or error}") from None
        except ValueError as error:
            raise ValueError(f"{self._template_option()} {error}") from None
        return Body(template, self.content_type, is_object=bool(self.member_files))

    def file_problems(self) -> list[str]:
        """Say what is wrong now with the files that hold the address and the secrets."""
        problems = super().file_problems()
        for option, secrets in (("header_files", self.header_files), ("member_files", self.member_files)):
            for name, file in secrets.items():
                problems += file_problem(f"{option}.{name}", file, check_secret)
        return problems

    def _source(self) -> str:
        if self.template_file is None:
            return files("service.sinks.template").joinpath("presets", f"{self.preset}.json.j2").read_text("utf-8")
        return self.template_file.read_text(encoding="utf-8-sig")

    def _template_option(self) -> str:
        return "preset" if self.template_file is None else "template_file"


def check_secret(secret: str) -> None:
    """Raise ValueError, without repeating it, for what can be no value of a header or of a member."""
    if not secret or len(secret) > _LONGEST_SECRET or not (secret.isascii() and secret.isprintable()):
        raise ValueError("should be one line of ASCII text")


_SAMPLE_NOTICE = Notice(
    id="0" * 16,
    revision=1,
    kind=GapKind.SILENT,
    stage="opened",
    since=_SAMPLE_TIME,
    until=None,
    partitions=("0",),
    may_alerts_still_come=True,
    late_records=0,
    unjudged_records=0,
    lost_messages=0,
    found_at=_SAMPLE_TIME,
)
_SAMPLE_VERDICT = VerdictNotice(
    id="0" * 16,
    alert="0" * 16,
    severity=Severity.HIGH,
    kind=VerdictKind.BENIGN,
    for_kind=False,
    actor_id="0",
    actor_name="alice@contoso.com",
    actions=("Microsoft.Authorization/roleAssignments/write",),
    since=_SAMPLE_TIME,
    until=_SAMPLE_TIME + timedelta(hours=2),
    by="eve@contoso.com",
    why="she is on call this month",
    takes_effect=_SAMPLE_TIME,
    found_at=_SAMPLE_TIME,
)
