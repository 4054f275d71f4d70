"""The options of the console."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, field_validator

from service.options import PositiveDuration, Section
from service.settings.sign_in import is_origin


class ConsoleSettings(Section):
    """Pages for whoever looks into an alert; they show names of people, and need `history`."""

    enabled: bool = False
    """Whether it is served."""
    host: str = "127.0.0.1"
    """Address to listen on: 127.0.0.1, ::1 or localhost, which `kubectl port-forward` reaches; with sign_in, any."""
    port: int = Field(default=8090, ge=0, le=65_535)
    """Port to listen on; 0 takes any that is free."""
    public_url: str | None = Field(default=None, examples=["https://unwonted.example.com"])
    """Address at which browsers reach it, without a path: alerts link to it, sign_in needs it. None: no links."""
    token_file: Path = Path(".state/console-token")
    """File that the token for signing in is written to; each works once, and the next one is there afterwards."""
    session: PositiveDuration = timedelta(hours=12)
    """How long somebody stays signed in."""
    idle: PositiveDuration = timedelta(hours=4)
    """How long somebody stays signed in who does nothing; a list that keeps itself up to date is not doing anything."""

    @field_validator("public_url")
    @classmethod
    def _public_url_is_an_address(cls, value: str | None) -> str | None:
        if value is not None:  # as a browser writes it
            value = value.removesuffix("/").lower()
            value = value.removesuffix(":443") if value.startswith("https://") else value
        if value is not None and not is_origin(value):
            raise ValueError("should be https://HOST without a path, or http://localhost:PORT for this machine alone")
        return value
