"""What can be configured of Microsoft Sentinel: where rows are taken, and by which data collection rule."""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from service.core.ports import Clock
from service.sinks.integration import SinkSettings
from service.sinks.posting.address import authority_problem, check_address
from service.sinks.posting.receiver import READ_WITHIN, matches
from service.sinks.sentinel.columns import STREAM
from service.waiting import OneAside

if TYPE_CHECKING:
    from service.sinks.posting.http_post import HttpPost

HOSTS = ("*.ingest.monitor.azure.com", "*.ingest.monitor.azure.us", "*.ingest.monitor.azure.cn")
AUDIENCES = {
    "public": "https://monitor.azure.com/.default",
    "usgov": "https://monitor.azure.us/.default",
    "china": "https://monitor.azure.cn/.default",
}
API_VERSION = "2023-01-01"
_RULE = re.compile(r"dcr-[0-9a-f]{32}")
_STREAM = re.compile(r"Custom-[A-Za-z][A-Za-z0-9_]{0,99}")


class SentinelSettings(SinkSettings):
    """Microsoft Sentinel: a row an alert in a table of its workspace, through the Logs Ingestion API."""

    kind: Literal["sentinel"] = "sentinel"
    """Makes this sink a table of Microsoft Sentinel."""
    endpoint: str | None = Field(default=None, examples=["https://unwonted-abcd.westeurope-1.ingest.monitor.azure.com"])
    """Logs ingestion address of the data collection endpoint, or of the rule itself."""
    rule_id: str | None = Field(default=None, examples=["dcr-00000000000000000000000000000000"])
    """Immutable id of the data collection rule, on which the identity needs Monitoring Metrics Publisher."""
    stream: str = STREAM
    """Stream of that rule."""
    ca_file: Path | None = Field(default=None, examples=["/etc/ssl/private-ca.pem"])
    """Certificate authority of a proxy that looks into TLS, besides the public ones."""

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_azures(cls, value: str | None) -> str | None:
        if value is None:
            return None
        check_address(value)
        parts = urlsplit(value)
        if parts.scheme != "https" or not matches((parts.hostname or "").lower(), HOSTS):
            raise ValueError("should be an address of Azure's, https://….ingest.monitor.azure.com")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("should end with the host")
        return value.rstrip("/")

    @field_validator("rule_id")
    @classmethod
    def _rule_is_an_id(cls, value: str | None) -> str | None:
        if value is not None and not _RULE.fullmatch(value):
            raise ValueError("should be the immutable id of a rule, dcr- and 32 hex digits")
        return value

    @field_validator("stream")
    @classmethod
    def _stream_is_a_name(cls, value: str) -> str:
        if not _STREAM.fullmatch(value):
            raise ValueError("should be the name of a stream, Custom-…")
        return value

    @model_validator(mode="after")
    def _can_be_sent(self) -> "SentinelSettings":
        if self.enabled and (self.endpoint is None or self.rule_id is None):
            raise ValueError("needs endpoint and rule_id")
        return self

    def file_problems(self) -> list[str]:
        """Say what is wrong now with the file of the certificate authority."""
        return authority_problem(self.ca_file)

    def destination(self) -> str:
        """Return the endpoint's host."""
        return urlsplit(self.endpoint or "").hostname or ""

    def http(self, clock: Clock) -> "HttpPost":
        """Return what posts to the rule's stream; `clock` is for Retry-After dates."""
        # Here, because most commands read settings and post nothing, and aiohttp takes its time to import.
        from service.sinks.posting.http_post import HttpPost, open_session  # noqa: PLC0415

        session = partial(open_session, ca_file=self.ca_file, aside=OneAside(READ_WITHIN))
        return HttpPost(SecretStr(self.address), clock=clock, allow_hosts=HOSTS, session=session)

    @property
    def address(self) -> str:
        """Address that rows are posted to; no secret, since a token goes with them."""
        path = f"dataCollectionRules/{quote(self.rule_id or '')}/streams/{quote(self.stream)}"
        return f"{self.endpoint or ''}/{path}?api-version={API_VERSION}"

    @property
    def audience(self) -> str:
        """Scope of the tokens, by cloud."""
        return AUDIENCES[self.cloud]
