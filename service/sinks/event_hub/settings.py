"""What can be configured of an Event Hub that alerts are sent to: which one, and how it knows us."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from service.options import check_connection_string, check_namespace, named_by
from service.sinks.event_hub.hub_place import HubPlace
from service.sinks.integration import SinkSettings
from service.sinks.posting.address import authority_problem, file_problem
from service.sinks.posting.receiver import reveal


class EventHubSinkSettings(SinkSettings):
    """An Event Hub, for whatever else reads it: an event an alert, as CloudEvents."""

    kind: Literal["event_hub"] = "event_hub"
    """Makes this sink an Event Hub."""
    namespace: str | None = Field(default=None, examples=["contoso.servicebus.windows.net"])
    """Host of the Event Hubs namespace; signs in with Microsoft Entra (workload identity, Azure CLI, …)."""
    hub: str | None = Field(default=None, examples=["alerts"])
    """Name of the Event Hub; not needed with a connection string that has an EntityPath."""
    connection_string: SecretStr | None = None
    """Connection string with the right to send, instead of namespace; prefer the file, or the environment."""
    connection_string_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/alerts-connection-string"])
    """File with the connection string; read again whenever a connection is opened, so that it can be rotated."""
    transport: Literal["amqp", "websocket"] = "amqp"
    """amqp: port 5671; websocket: port 443, where only that is open."""
    ca_file: Path | None = Field(default=None, examples=["/etc/ssl/private-ca.pem"])
    """Certificate authority of the namespace, instead of the public ones, when it is a private one."""

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
    def _one_hub(self) -> "EventHubSinkSettings":
        given = [self.namespace, self.connection_string, self.connection_string_file]
        if self.enabled and sum(one is not None for one in given) != 1:
            raise ValueError("needs exactly one of namespace, connection_string and connection_string_file")
        if self.enabled and self.namespace is not None and self.hub is None:
            raise ValueError("needs hub beside namespace")
        if self.connection_string is not None:
            _check_names_hub(self.connection_string.get_secret_value(), self.hub)
        return self

    def file_problems(self) -> list[str]:
        """Say what is wrong now with the files of the connection string and of the certificate authority."""

        def check(text: str) -> None:
            check_connection_string(text)
            _check_names_hub(text, self.hub)

        problems = file_problem("connection_string_file", self.connection_string_file, check)
        return problems + authority_problem(self.ca_file)

    def destination(self) -> str:
        """Return the namespace; empty if the connection string cannot be read, or is none."""
        secret = self.place.connection_string
        if secret is None:
            return self.namespace or ""
        try:
            return named_by(reveal(secret))[0]
        except (OSError, ValueError):
            return ""

    def is_hub(self, namespace: str, hub: str) -> bool:
        """Whether it is that hub, as far as that can be told without reading a file; both names in lower case."""
        host, named = self.namespace or "", self.hub or ""
        if self.connection_string is not None:
            host, entity = named_by(self.connection_string.get_secret_value())
            named = named or entity
        return bool(host and named) and (host.lower(), named.lower()) == (namespace, hub)

    @property
    def place(self) -> HubPlace:
        """Which hub it is, and how it knows us."""
        secret = self.connection_string or self.connection_string_file
        return HubPlace(self.namespace or "", self.hub, secret, self.transport, self.ca_file)


def _check_names_hub(connection_string: str, hub: str | None) -> None:
    if hub is None and not named_by(connection_string)[1]:
        raise ValueError("names no hub (EntityPath): set hub")
