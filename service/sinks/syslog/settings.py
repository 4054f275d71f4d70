"""What can be configured of syslog: which collector takes the messages, and how they are put for it."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from service.options import host_name
from service.sinks.integration import SinkSettings
from service.sinks.posting.address import authority_problem
from service.sinks.posting.guard import Guard
from service.sinks.syslog.collector import FACILITIES, Collector

Facility = Literal["auth", "authpriv", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"]
_HOSTNAME = re.compile(r"[!-~]{1,255}")  # RFC 5424, section 6
_PORTS = {"tls": 6514, "tcp": 514, "udp": 514}


class SyslogSettings(SinkSettings):
    """A collector of syslog: a message in CEF an alert, over TLS, TCP or UDP."""

    kind: Literal["syslog"] = "syslog"
    """Makes this sink a collector of syslog."""
    host: str | None = Field(default=None, examples=["syslog.example.com"])
    """Collector."""
    port: int | None = Field(default=None, ge=1, le=65_535)
    """Its port; by transport if not given: 6514 for tls, 514 for tcp and udp."""
    transport: Literal["tls", "tcp", "udp"] = "tls"
    """tls: encrypted and verified; tcp: in the open; udp: in the open, and what is lost is lost."""
    framing: Literal["octets", "newline"] = "octets"
    """How a message ends over tls and tcp: octets, its length stands before it; newline, a line's end after it."""
    facility: Facility = "local0"
    """Facility of the messages."""
    hostname: str = "unwonted"
    """Host that the messages say they are from."""
    ca_file: Path | None = Field(default=None, examples=["/etc/ssl/private-ca.pem"])
    """Certificate authority of the collector, besides the public ones."""
    allow_private: bool = False
    """Whether the collector may be in a private, link-local or loopback network."""

    @field_validator("host")
    @classmethod
    def _host_is_a_name(cls, value: str | None) -> str | None:
        return None if value is None else host_name(value, "syslog.example.com")

    @field_validator("hostname")
    @classmethod
    def _hostname_is_a_word(cls, value: str) -> str:
        if not _HOSTNAME.fullmatch(value):
            raise ValueError("should be a word of printable ASCII")
        return value

    @model_validator(mode="after")
    def _can_be_sent(self) -> "SyslogSettings":
        if self.enabled and not self.host:
            raise ValueError("needs host")
        return self

    def file_problems(self) -> list[str]:
        """Say what is wrong now with the file of the certificate authority."""
        return authority_problem(self.ca_file)

    def destination(self) -> str:
        """Return the collector."""
        return self.host or ""

    @property
    def collector(self) -> Collector:
        """Who takes the messages, and how they are put for it."""
        return Collector(
            host=self.host or "",
            port=self.port or _PORTS[self.transport],
            transport=self.transport,
            framing=self.framing,
            facility=FACILITIES[self.facility],
            hostname=self.hostname,
            ca_file=self.ca_file,
            guard=Guard(allow_private=self.allow_private, allow_loopback=self.allow_private),
        )
