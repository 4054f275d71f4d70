"""Which Event Hub takes the events, and how it knows us: a value that the options become, without any of them."""

from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import SecretStr


class HubPlace(NamedTuple):
    """An Event Hub to send to.

    Attributes
    ----------
    namespace
        Host of the namespace, for a sign-in with Microsoft Entra; empty if a connection string has it.
    hub
        Name of the hub; None if a connection string has it.
    connection_string
        A connection string, or the file that holds one.
    transport
        AMQP over TCP, or through a WebSocket.
    ca_file
        Certificate authority instead of the public ones.
    tls
        Whether the connection is encrypted, which only a hub on this machine goes without.
    """

    namespace: str = ""
    hub: str | None = None
    connection_string: SecretStr | Path | None = None
    transport: Literal["amqp", "websocket"] = "amqp"
    ca_file: Path | None = None
    tls: bool = True
