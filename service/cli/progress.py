"""How far a command has come, on standard error: bars on a terminal, a few lines elsewhere."""

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from service.documents import Reader
from service.options import format_duration

if TYPE_CHECKING:  # a replay shows how far it has come as well, and fetches nothing
    from service.learning import Piece


class Progress:
    """A bar on a terminal's standard error while files are read, and another while their events are judged."""

    def __init__(self, reader: Reader, then: str = "judging") -> None:
        self._reader = reader
        self._then = then
        self._total = 0
        self._bar = self._new("reading", reader.size)

    @staticmethod
    def _new(label: str, length: int) -> "click._termui_impl.ProgressBar[int]":
        hidden = not sys.stderr.isatty() or not length
        return click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden)

    def show(self, taken: int, total: int) -> None:
        """Move the bar: to where the reader is, or, once a total is known, to how much of it was taken."""
        if total and not self._total:
            self._bar.render_finish()
            self._total, self._bar = total, self._new(self._then, total)
        self._bar.update((taken if total else self._reader.position) - self._bar.pos)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.render_finish()


class FetchProgress:
    """Shows how fetching goes: a bar on a terminal, a line for each tenth otherwise; waiting is told once a reason."""

    def __init__(self) -> None:
        self._total = self._done = self._records = 0
        self._told: set[str] = set()
        self._bar: click._termui_impl.ProgressBar[int] | None = None

    def __enter__(self) -> "FetchProgress":
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.render_finish()

    def plan(self, pieces: int) -> None:
        """Take note of how many pieces there will be."""
        self._total = pieces
        if sys.stderr.isatty() and pieces:
            self._bar = click.progressbar(length=pieces, label="fetching", file=sys.stderr, show_eta=True)

    def piece(self, piece: "Piece", records: int) -> None:
        """Take note of a piece that is done."""
        self._done += 1
        self._records += records
        if self._bar is not None:
            self._bar.update(1)
        elif self._done % max(1, self._total // 10 or 1_000) == 0:
            of = f" of {self._total:,}" if self._done <= self._total else ""
            click.echo(f"fetching: {self._done:,}{of} pieces, {self._records:,} records", err=True)

    def wait(self, seconds: float, why: str) -> None:
        """Say, once a reason, that Azure makes us wait."""
        if why not in self._told:
            self._told.add(why)
            what = "Azure throttles (429)" if why == "429" else f"no answer ({why})"
            pause = format_duration(timedelta(seconds=max(1, round(seconds))))
            click.echo(f"{what}: waiting {pause}, and again as often as need be", err=True)
