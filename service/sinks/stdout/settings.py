"""What can be configured of standard output."""

from typing import Literal

from service.sinks.integration import SinkSettings


class StdoutSettings(SinkSettings):
    """Standard output: for people at a terminal, or for whatever collects it."""

    kind: Literal["stdout"] = "stdout"
    """Makes this sink standard output."""
    format: Literal["card", "ndjson"] = "card"
    """card: to be read; ndjson: one JSON a line, as the generic webhook would carry it."""
