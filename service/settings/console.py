"""The options of the console."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from service.options import LOOPBACK, PositiveDuration, Section

_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d+)?")


class ConsoleSettings(Section):
    """Pages for whoever looks into an alert, on this machine alone; they show names of people, and need `history`."""

    enabled: bool = False
    """Whether it is served."""
    host: str = "127.0.0.1"
    """Address to listen on: 127.0.0.1, ::1 or localhost, which `kubectl port-forward` reaches."""
    port: int = Field(default=8090, ge=0, le=65_535)
    """Port to listen on; 0 takes any that is free."""
    public_url: str | None = Field(default=None, examples=["https://unwonted.example.com"])
    """Address at which browsers reach it, without a path: alerts link to it. None: they do not."""
    token_file: Path = Path(".state/console-token")
    """File that the token for signing in is written to; each works once, and the next one is there afterwards."""
    session: PositiveDuration = timedelta(hours=12)
    """How long somebody stays signed in."""

    @field_validator("public_url")
    @classmethod
    def _public_url_is_an_address(cls, value: str | None) -> str | None:
        value = value.removesuffix("/").lower() if value else value
        if value is not None and not _is_origin(value):
            raise ValueError("should be https://HOST without a path, or http://localhost:PORT for this machine alone")
        return value

    @field_validator("host")
    @classmethod
    def _host_is_this_machine(cls, value: str) -> str:
        if value not in LOOPBACK:
            raise ValueError("should be 127.0.0.1, ::1 or localhost: whoever reaches it elsewhere could read it")
        return value


def _is_origin(text: str) -> bool:
    """Whether it is where a browser may find a console: a scheme, a host, perhaps a port, and nothing else.

    >>> [_is_origin(one) for one in ("https://a.example:8443", "http://localhost:8090", "http://a.example")]
    [True, True, False]
    """
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    return (
        (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
        and _ORIGIN.fullmatch(text) is not None
        and bool(host)
    )
