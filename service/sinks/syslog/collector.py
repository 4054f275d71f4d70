"""Who takes the messages, and how they are put for it: values that the options become, without any of them."""

from pathlib import Path
from typing import Literal, NamedTuple

from service.sinks.posting.guard import Guard

FACILITIES = {"auth": 4, "authpriv": 10, **{f"local{number}": 16 + number for number in range(8)}}


class Collector(NamedTuple):
    """A collector of syslog.

    Attributes
    ----------
    host, port
        Where it listens.
    transport
        How it is reached; TLS is verified.
    framing
        What shows where a message ends in a stream: its length before it, or a line's end after it.
    facility
        Facility of the messages, by its number.
    hostname
        Host that the messages are from, as they say.
    ca_file
        Certificate authorities besides the public ones.
    guard
        Which addresses may be connected to.
    """

    host: str
    port: int
    transport: Literal["tls", "tcp", "udp"]
    framing: Literal["octets", "newline"] = "octets"
    facility: int = FACILITIES["local0"]
    hostname: str = "unwonted"
    ca_file: Path | None = None
    guard: Guard = Guard()

    @property
    def largest(self) -> int:
        """Bytes of a message that every collector takes: RFC 5425, section 4.3.1, and RFC 5426, section 3.2."""
        return 2_048 if self.transport == "udp" else 8_192
