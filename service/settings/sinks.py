"""Options of the places that alerts are sent to: one class a kind, told apart by `kind`.

Addresses are secrets here, because whoever knows one can post to it. Sending is the work of `service.sinks`.
"""

import base64
import binascii
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from models.statistics import Severity
from service.settings.values import Secrets, Section, Texts

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SinkSettings(Section):
    """What every sink has."""

    enabled: bool = True
    """Whether alerts are sent there."""
    min_severity: Severity = Severity.INFORMATIONAL
    """Least severity to send: informational, low, medium, high or critical."""
    notices: bool = True
    """Whether to send notices of coverage gaps, too: when input is missing, late or lost, and when that is over."""
    runbook_url: str | None = Field(default=None, examples=["https://wiki.example.com/unwonted"])
    """Link for the reader of an alert: what to do next; {detector} in it stands for the detector's name."""
    portal_links: bool = True
    """Whether alerts link to the Azure portal: the activity log, and a query ready to run."""
    workspace: str | None = Field(
        default=None, examples=["/subscriptions/…/providers/Microsoft.OperationalInsights/workspaces/soc"]
    )
    """Resource id of the Log Analytics workspace that the query opens in."""

    @field_validator("runbook_url")
    @classmethod
    def _runbook_is_a_link(cls, value: str | None) -> str | None:
        if value is not None and not (value.startswith(("https://", "http://")) and urlsplit(value).hostname):
            raise ValueError("should be a web address, https://…")
        return value


class PostedSink(SinkSettings):
    """A sink that is an address to post to."""

    url: SecretStr | None = Field(default=None, examples=["https://example.com/hooks/unwonted"])
    """Address to post to; a secret: prefer url_file, or the environment."""
    url_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/webhook-url"])
    """File with the address, read anew at every delivery, so that it can be rotated."""

    @field_validator("url")
    @classmethod
    def _address_is_safe(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_address(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _one_address(self) -> "PostedSink":
        if self.enabled and (self.url is None) == (self.url_file is None):
            raise ValueError("needs exactly one of url and url_file")
        return self

    @property
    def address(self) -> SecretStr | Path:
        """The address, or the file that holds it."""
        return self.url or self.url_file or Path()


class HostedSink(PostedSink):
    """A sink at one of a few hosts, so that a wrong address cannot carry alerts just anywhere."""

    allow_hosts: Texts = ()
    """Hosts that the address may have; *. stands for any subdomain."""
    allow_loopback: bool = False
    """Whether a receiver on this machine will do too, over plain http; for demonstrations and tests."""

    @model_validator(mode="after")
    def _host_is_allowed(self) -> "HostedSink":
        if self.url is not None:
            host = urlsplit(self.url.get_secret_value()).hostname or ""
            excused = self.allow_loopback and host in LOOPBACK
            if not excused and not any(fnmatchcase(host, pattern.lower()) for pattern in self.allow_hosts):
                raise ValueError(f"url should lead to one of allow_hosts: {', '.join(self.allow_hosts)}")
        return self


class TeamsSettings(HostedSink):
    """Microsoft Teams, through a Workflows webhook."""

    kind: Literal["teams"] = "teams"
    """Makes this sink a Teams channel."""
    allow_hosts: Texts = ("*.logic.azure.com", "*.environment.api.powerplatform.com")
    """Hosts that the address may have; *. stands for any subdomain."""
    auth: Literal["none", "entra"] = "none"
    """none: the address is the only secret; entra: send a Microsoft Entra token as well."""


class SlackSettings(HostedSink):
    """Slack, through an incoming webhook."""

    kind: Literal["slack"] = "slack"
    """Makes this sink a Slack channel."""
    allow_hosts: Texts = ("hooks.slack.com", "hooks.slack-gov.com")
    """Hosts that the address may have; *. stands for any subdomain."""


class WebhookSettings(PostedSink):
    """Any receiver of CloudEvents with an OCSF Detection Finding, signed after Standard Webhooks."""

    kind: Literal["webhook"] = "webhook"
    """Makes this sink a generic webhook."""
    secrets: Secrets = Field(default=(), examples=[["whsec_…"]])
    """Signing secrets (whsec_ and base64); with several, each signs, so that they can be rotated."""
    secret_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/webhook-secret"])
    """File with a signing secret, instead of secrets; read anew at every delivery."""
    allow_private: bool = False
    """Whether the address may lead to a private, link-local or loopback network."""

    @field_validator("secrets")
    @classmethod
    def _secrets_can_sign(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in value:
            check_signing_secret(secret.get_secret_value())
        return value

    @model_validator(mode="after")
    def _one_place_for_secrets(self) -> "WebhookSettings":
        if self.secrets and self.secret_file is not None:
            raise ValueError("needs at most one of secrets and secret_file")
        return self

    @property
    def signing(self) -> tuple[SecretStr | Path, ...]:
        """The signing secrets, or the file that holds one; empty means unsigned."""
        return self.secrets or ((self.secret_file,) if self.secret_file else ())


class StdoutSettings(SinkSettings):
    """Standard output: for people at a terminal, or for whatever collects it."""

    kind: Literal["stdout"] = "stdout"
    """Makes this sink standard output."""
    format: Literal["card", "ndjson"] = "card"
    """card: to be read; ndjson: one JSON a line, as the generic webhook would carry it."""


AnySink = Annotated[
    TeamsSettings | SlackSettings | WebhookSettings | StdoutSettings,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[SinkSettings]] = {
    "teams": TeamsSettings,
    "slack": SlackSettings,
    "webhook": WebhookSettings,
    "stdout": StdoutSettings,
}


def check_address(url: str) -> None:
    """Raise ValueError, without repeating it, for what is neither https nor http to this very machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("should be a web address, https://host/…") from None
    if not host or parts.scheme not in {"https", "http"} or any(character.isspace() for character in url):
        raise ValueError("should be a web address, https://host/…")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise ValueError("should begin with https:// (http is for loopback only)")


def check_signing_secret(secret: str) -> None:
    """Raise ValueError, without repeating it, for what is no signing secret of Standard Webhooks."""
    prefix, _, encoded = secret.partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if prefix != "whsec" or not 24 <= len(key) <= 64:
        raise ValueError("should be whsec_ and 24 to 64 bytes in base64")
