"""Shows on standard error how fetching history goes, and that Azure makes us wait."""

import sys

import click

from service.learning import Piece


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

    def piece(self, piece: Piece, records: int) -> None:
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
            click.echo(f"{what}: waiting {seconds:.0f} s, and again as often as need be", err=True)
