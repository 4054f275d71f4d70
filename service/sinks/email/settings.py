"""What can be configured of email: which server takes the letters, how it knows us, from whom and to whom they are."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from service.options import LOOPBACK, Texts, host_name
from service.sinks.email.mail_host import MailEnvelope, MailHost
from service.sinks.integration import SinkSettings
from service.sinks.posting.address import authority_problem, file_problem
from service.sinks.posting.guard import Guard

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_LONGEST = 254
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value) or len(value) > _LONGEST:
        raise ValueError("should be a plain address, name@example.com")
    return value


MailAddress = Annotated[str, AfterValidator(_address)]


class EmailSettings(SinkSettings):
    """Email, through a mail server that takes letters for others (SMTP submission)."""

    kind: Literal["email"] = "email"
    """Makes this sink email."""
    host: str | None = Field(default=None, examples=["smtp.example.com"])
    """Mail server."""
    port: int | None = Field(default=None, ge=1, le=65_535)
    """Its port; by what tls says if not given: 587 for starttls, 465 for tls, 25 for none."""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    """starttls: encrypted before anything is said; tls: from the first byte; none: for this very machine only."""
    sender: MailAddress | None = Field(default=None, examples=["unwonted@example.com"])
    """Address that the letters are from."""
    recipients: Texts = Field(default=(), examples=[["soc@example.com"]], max_length=50)
    """Addresses that the letters go to."""
    user: str | None = Field(default=None, examples=["unwonted@example.com"])
    """Name to log in with; sender if there is a password and no name."""
    password: SecretStr | None = None
    """Password to log in with; prefer password_file, or the environment."""
    password_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/smtp-password"])
    """File with the password, read again at every delivery, so that it can be rotated."""
    ca_file: Path | None = Field(default=None, examples=["/etc/ssl/private-ca.pem"])
    """Certificate authority of the server, besides the public ones."""
    allow_private: bool = False
    """Whether the server may be in a private, link-local or loopback network."""

    @field_validator("host")
    @classmethod
    def _host_is_a_name(cls, value: str | None) -> str | None:
        return None if value is None else host_name(value, "smtp.example.com")

    @field_validator("recipients")
    @classmethod
    def _recipients_are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_address, value))

    @model_validator(mode="after")
    def _can_be_sent_and_nothing_in_the_open(self) -> "EmailSettings":
        if self.enabled and not (self.host and self.sender and self.recipients):
            raise ValueError("needs host, sender and recipients")
        if self.password is not None and self.password_file is not None:
            raise ValueError("needs at most one of password and password_file")
        if self.user is not None and self._secret is None:
            raise ValueError("needs password or password_file beside user")
        if self.tls == "none" and self.host is not None and self.host not in LOOPBACK:
            raise ValueError("tls should be starttls or tls (none is for loopback only)")
        return self

    def file_problems(self) -> list[str]:
        """Say what is wrong now with the files of the password and of the certificate authority."""
        return file_problem("password_file", self.password_file, check_password) + authority_problem(self.ca_file)

    def destination(self) -> str:
        """Return the mail server."""
        return self.host or ""

    @property
    def server(self) -> MailHost:
        """Who takes the letters, and how it knows us."""
        port = self.port or _PORTS[self.tls]
        user = self.user or (self.sender if self._secret is not None else None)
        guard = Guard(allow_private=self.allow_private, allow_loopback=self.allow_private)
        return MailHost(self.host or "", port, self.tls, user, self._secret, self.ca_file, guard)

    @property
    def envelope(self) -> MailEnvelope:
        """From whom and to whom letters are."""
        return MailEnvelope(self.sender or "", self.recipients)

    @property
    def _secret(self) -> SecretStr | Path | None:
        return self.password or self.password_file


def check_password(password: str) -> None:
    """Raise ValueError, without repeating it, for what no mail server can be told as a password."""
    if not password or not password.isascii() or not password.isprintable():
        raise ValueError("should be one line of ASCII")
