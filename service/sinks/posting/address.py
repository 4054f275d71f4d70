"""The address that a sink posts to, as it can be configured: a secret, because whoever knows it can post there.

The same rules hold again at each post, when the address may have come from a file: see `http_post`.
"""

import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from service.core.ports import Clock
from service.options import LOOPBACK, Texts
from service.sinks.integration import SinkSettings
from service.sinks.posting.receiver import READ_WITHIN, matches, reveal, tls_context
from service.waiting import OneAside

if TYPE_CHECKING:
    from service.sinks.posting.http_post import HttpPost, OpenSession


class PostedSinkSettings(SinkSettings):
    """A sink that is an address to post to."""

    url: SecretStr | None = Field(default=None, examples=["https://example.com/hooks/unwonted"])
    """Address to post to; a secret: prefer url_file, or the environment."""
    url_file: Path | None = Field(default=None, examples=["/mnt/secrets-store/webhook-url"])
    """File with the address, read again at every delivery, so that it can be rotated."""

    ca_file: Path | None = Field(default=None, examples=["/etc/ssl/private-ca.pem"])
    """Certificate authority of the receiver, or of a proxy that looks into TLS, besides the public ones."""

    @field_validator("url")
    @classmethod
    def _address_is_safe(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_address(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _one_address(self) -> "PostedSinkSettings":
        if self.enabled and (self.url is None) == (self.url_file is None):
            raise ValueError("needs exactly one of url and url_file")
        return self

    def file_problems(self) -> list[str]:
        """Say what is wrong now with the files of the address and of the certificate authority."""
        return file_problem("url_file", self.url_file, self.check_url) + authority_problem(self.ca_file)

    def destination(self) -> str:
        """Return the host of the address as it is now; empty if that cannot be read, or is no address."""
        try:
            url = reveal(self.address)
            check_address(url)
            return urlsplit(url).hostname or ""
        except (OSError, ValueError):
            return ""

    @property
    def session(self) -> "OpenSession":
        """What opens this sink's HTTP session."""
        # Here, as below, because most commands read settings and post nothing, and aiohttp takes its time to import.
        from service.sinks.posting.http_post import open_session  # noqa: PLC0415

        return partial(open_session, ca_file=self.ca_file, aside=OneAside(READ_WITHIN))

    def http(self, clock: Clock) -> "HttpPost":
        """Return what posts to the address; `clock` is for Retry-After dates."""
        from service.sinks.posting.http_post import HttpPost  # noqa: PLC0415

        return HttpPost(self.address, clock=clock, session=self.session)

    def check_url(self, url: str) -> None:
        """Raise ValueError, without repeating it, for an address that would not be posted to."""
        check_address(url)

    @property
    def address(self) -> SecretStr | Path:
        """The address, or the file that holds it."""
        return self.url or self.url_file or Path()


class HostedSinkSettings(PostedSinkSettings):
    """A sink at one of a few hosts, so that a wrong address cannot carry alerts just anywhere."""

    allow_hosts: Texts = ()
    """Hosts that the address may have; *. stands for any subdomain."""
    allow_loopback: bool = False
    """Whether a receiver on this machine will do too, over plain http; for demonstrations and tests."""

    @model_validator(mode="after")
    def _host_is_allowed(self) -> "HostedSinkSettings":
        if self.url is not None:
            try:
                self.check_url(self.url.get_secret_value())
            except ValueError as error:
                raise ValueError(f"url {error}") from None
        return self

    def http(self, clock: Clock) -> "HttpPost":
        """Return what posts to the address, and to no other host than those allowed."""
        from service.sinks.posting.http_post import HttpPost  # noqa: PLC0415

        return HttpPost(
            self.address,
            clock=clock,
            allow_hosts=self.allow_hosts,
            allow_loopback=self.allow_loopback,
            session=self.session,
        )

    def check_url(self, url: str) -> None:
        """Raise ValueError for a host that is not allowed, too."""
        super().check_url(url)
        host = urlsplit(url).hostname or ""
        excused = self.allow_loopback and host in LOOPBACK
        if not excused and not matches(host, self.allow_hosts):
            raise ValueError(f"should lead to one of allow_hosts: {', '.join(self.allow_hosts)}")


class GuardedSinkSettings(PostedSinkSettings):
    """A sink at any address that does not lead into a private network, unless that is meant."""

    allow_private: bool = False
    """Whether the address may lead to a private, link-local or loopback network."""

    def http(self, clock: Clock) -> "HttpPost":
        """Return what posts to the address, unless it leads into a private network."""
        from service.sinks.posting.http_post import HttpPost  # noqa: PLC0415

        return HttpPost(
            self.address,
            clock=clock,
            allow_loopback=self.allow_private,
            allow_private=self.allow_private,
            session=self.session,
        )


def file_problem(option: str, file: Path | None, check: Callable[[str], None]) -> list[str]:
    """Say, in at most one line, why a secret's file cannot be used now: it cannot be read, or `check` raises."""
    if file is None:
        return []
    try:
        check(reveal(file))
    except OSError as error:
        return [f"{option}: {file}: {error.strerror or error}"]
    except UnicodeDecodeError:
        return [f"{option}: {file}: is not UTF-8 text"]
    except ValueError as error:
        return [f"{option}: {file}: {error}"]
    return []


def authority_problem(ca_file: Path | None) -> list[str]:
    """Say, in at most one line, why a file of certificate authorities cannot be used now."""
    try:
        tls_context(ca_file)
    except ssl.SSLError:
        return [f"ca_file: {ca_file}: holds no certificate in PEM"]
    except OSError as error:
        return [f"ca_file: {ca_file}: {error.strerror or error}"]
    return []


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
