"""The options of the console."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field, field_validator

from service.options import LOOPBACK, PositiveDuration, Section


class ConsoleSettings(Section):
    """Pages for whoever looks into an alert, on this machine alone; they show names of people, and need `history`."""

    enabled: bool = False
    """Whether it is served."""
    host: str = "127.0.0.1"
    """Address to listen on: 127.0.0.1, ::1 or localhost, which `kubectl port-forward` reaches."""
    port: int = Field(default=8090, ge=0, le=65_535)
    """Port to listen on; 0 takes any that is free."""
    token_file: Path = Path(".state/console-token")
    """File that the token for signing in is written to; each works once, and the next one is there afterwards."""
    session: PositiveDuration = timedelta(hours=12)
    """How long somebody stays signed in."""

    @field_validator("host")
    @classmethod
    def _host_is_this_machine(cls, value: str) -> str:
        if value not in LOOPBACK:
            raise ValueError("should be 127.0.0.1, ::1 or localhost: whoever reaches it elsewhere could read it")
        return value
