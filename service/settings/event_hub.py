"""The options of the Event Hub that is read: which one, how to sign in, where to begin, what counts as silence.

As in `sections`, the text under an option is its only description.
"""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, SecretStr, field_validator, model_validator

from service.options import PositiveDuration, Section, check_connection_string, check_namespace, named_by, read_secret

_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")


def _instant(value: object) -> object:
    text = value.strip() if isinstance(value, str) else value
    if isinstance(text, str) and text in {"earliest", "latest"}:
        return text
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        instant = None
    if isinstance(instant, date) and not isinstance(instant, datetime):
        instant = datetime(instant.year, instant.month, instant.day, tzinfo=UTC)
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise ValueError("should be earliest, latest, or a time with its offset such as 2026-03-01T00:00:00Z")
    return instant.astimezone(UTC)


Start = Annotated[Literal["earliest", "latest"] | AwareDatetime, BeforeValidator(_instant)]
"""Where to begin: the oldest message, the next one, or the first enqueued after an instant."""


class EventHubSettings(Section):
    """Where the activity log comes from."""

    namespace: str | None = Field(default=None, examples=["contoso.servicebus.windows.net"])
    """Host of the Event Hubs namespace; signs in with Microsoft Entra (workload identity, Azure CLI, …)."""
    hub: str | None = Field(default=None, examples=["activity-log"])
    """Name of the Event Hub; not needed with a connection string that has an EntityPath."""
    consumer_group: str = Field(default="$Default", min_length=1)
    """Consumer group; give this service one of its own."""
    connection_string: SecretStr | None = Field(
        default=None, examples=["Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…"]
    )
    """Instead of namespace, for the emulator and for development; a secret."""
    connection_string_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/event-hub"])
    """File with the connection string, instead of the string itself."""
    start: Start = "earliest"
    """Where to begin in a partition without a position: earliest, latest, or a time such as 2026-03-01T00:00:00Z."""
    max_wait: PositiveDuration = timedelta(seconds=20)
    """A partition without messages reports that it is alive this often; several seconds at least."""
    prefetch: int = Field(default=300, ge=1, le=10_000)
    """Messages kept in memory ahead of their processing, a partition."""
    max_batch: int = Field(default=100, ge=1, le=10_000)
    """Most messages processed in one go."""
    probe_every: PositiveDuration = timedelta(seconds=60)
    """How often the hub is asked for its newest messages, to know the lag."""
    silent_after: PositiveDuration = timedelta(seconds=60)
    """A partition that delivers neither messages nor empty batches for so long is reconnected; readiness fails."""
    give_up_after: PositiveDuration = timedelta(minutes=5)
    """The process exits, to be restarted, when a hub that can be reached has been silent for so long."""
    give_up_unreachable_after: PositiveDuration = timedelta(hours=2)
    """The same for a hub that cannot be reached, where a restart would not help."""
    recycle_after_messages: int = Field(default=5_000_000, ge=1_000)
    """A connection is replaced after so many messages, because the client library's memory grows with them."""
    recycle_every: PositiveDuration = timedelta(hours=24)
    """A connection is replaced after so long, too."""
    transport: Literal["amqp", "websocket"] = "amqp"
    """amqp uses port 5671; websocket uses 443, for networks that allow nothing else."""
    endpoint: str | None = Field(default=None, examples=["sb://gateway.example.com:5671"])
    """Address of a private gateway in front of the namespace."""
    ca_file: Path | None = Field(default=None, examples=["/etc/ssl/private-ca.pem"])
    """Certificate authority of that gateway, when it is a private one."""

    proxy: str | None = Field(default=None, examples=["proxy.example.com:3128"])
    """Host and port of an HTTP proxy to go through, for transport websocket; HTTPS_PROXY does not count here."""
    proxy_user: str | None = Field(default=None, examples=["unwonted"])
    """Name to give to that proxy, if it wants one."""
    proxy_password_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/proxy-password"])
    """File with the password that goes with it."""

    @field_validator("proxy")
    @classmethod
    def _proxy_is_host_and_port(cls, value: str | None) -> str | None:
        if value is not None and not _HOST_AND_PORT.fullmatch(value):
            raise ValueError("should be a host and a port, such as proxy.example.com:3128")
        return value

    @field_validator("namespace")
    @classmethod
    def _namespace_is_a_host(cls, value: str | None) -> str | None:
        if value is not None:
            check_namespace(value)
        return value

    @field_validator("connection_string")
    @classmethod
    def _connection_string_is_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_connection_string(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "EventHubSettings":
        given = [name for name in ("namespace", "connection_string", "connection_string_file") if getattr(self, name)]
        password = self.proxy_password_file is not None
        checks = [
            (
                len(given) <= 1,
                "needs only one of namespace, connection_string and connection_string_file, has " + " and ".join(given),
            ),
            (self.proxy is None or self.transport == "websocket", "proxy needs transport: websocket"),
            (
                (self.proxy_user is not None) == password and not (self.proxy_user and not self.proxy),
                "proxy_user and proxy_password_file go together, and with proxy",
            ),
            (
                self.silent_after >= 2 * self.max_wait,
                "silent_after should be longer than max_wait: twice as long at least, best three times",
            ),
            (self.give_up_after > self.silent_after, "give_up_after should be longer than silent_after"),
        ]
        if problems := [problem for holds, problem in checks if not holds]:
            raise ValueError("\n".join(problems))
        return self

    @property
    def named(self) -> tuple[str, str]:
        """Host and hub in lower case, as far as they can be told without reading a file; empty if they cannot."""
        host, hub = self.namespace or "", self.hub or ""
        if self.connection_string is not None:
            host, entity = named_by(self.connection_string.get_secret_value())
            hub = hub or entity
        return host.lower(), hub.lower()

    def connection(self) -> SecretStr | None:
        """Return the connection string, wherever it is kept; None means Microsoft Entra.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If what it holds is no connection string; the text does not repeat it.
        """
        secret = read_secret(self.connection_string, self.connection_string_file)
        if secret is not None:
            check_connection_string(secret.get_secret_value())
        return secret
