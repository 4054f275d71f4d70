"""The options of the history database."""

from pathlib import Path

from pydantic import Field

from service.options import Section


class HistorySettings(Section):
    """What was seen, judged and told, in a database to be asked later; it holds names of people."""

    enabled: bool = True
    """Whether it is written; without it nothing else is missing."""
    path: Path | None = Field(default=None, examples=["/state/history.sqlite"])
    """The file; by default history.sqlite in the directory of the snapshots, and none where those are in blobs."""
    in_blobs: bool = True
    """Where snapshots are in blobs: whether it is kept there as well, a blob an hour, and fetched from there."""
    days: int = Field(default=90, ge=1, le=3_650)
    """How many days before the newest it reaches back."""
    max_bytes: int = Field(default=500_000_000, ge=10_000_000)
    """Size at which the oldest goes, a day at a time."""
