"""Who takes the letters, from whom and to whom they are: values that the options become, without any of them."""

from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import SecretStr

from service.sinks.posting.guard import Guard


class MailHost(NamedTuple):
    """A mail server.

    Attributes
    ----------
    host, port
        Where it listens.
    tls
        Whether it is encrypted after STARTTLS, from the first byte, or not at all.
    user
        Who logs in; None for nobody.
    password
        The password, or the file that holds it.
    ca_file
        Certificate authorities besides the public ones.
    guard
        Which addresses may be connected to.
    """

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"]
    user: str | None = None
    password: SecretStr | Path | None = None
    ca_file: Path | None = None
    guard: Guard = Guard()


class MailEnvelope(NamedTuple):
    """From whom and to whom letters are."""

    sender: str
    recipients: tuple[str, ...]
