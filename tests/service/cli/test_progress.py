"""How far a fetch has come: a bar on a terminal, a line for each tenth elsewhere; each reason to wait is told once."""

import io
import sys
from collections.abc import AsyncIterator

import pytest

from service.cli.progress import FetchProgress
from service.learning import Piece


class Terminal(io.StringIO):
    """A terminal that keeps what it was shown."""

    def isatty(self) -> bool:
        return True


async def nothing() -> AsyncIterator[list[bytes]]:
    for page in list[list[bytes]]():
        yield page


PIECE = Piece("a-day", "a", nothing)


def test_a_fetch_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with FetchProgress() as progress:
        progress.plan(2)
        progress.piece(PIECE, 3)
        progress.piece(PIECE, 4)
    assert "fetching" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert "pieces" not in terminal.getvalue()


def test_elsewhere_it_is_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with FetchProgress() as progress:
        progress.plan(40)
        for _ in range(40):
            progress.piece(PIECE, 5)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 10
    assert (said[0], said[-1]) == (
        "fetching: 4 of 40 pieces, 20 records",
        "fetching: 40 of 40 pieces, 200 records",
    )


def test_each_reason_to_wait_is_told_once_and_never_as_no_time_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    with FetchProgress() as progress:
        for seconds, why in ((0.2, "429"), (300.0, "429"), (90.0, "ServiceRequestError")):
            progress.wait(seconds, why)
    assert capsys.readouterr().err.splitlines() == [
        "Azure throttles (429): waiting 1s, and again as often as need be",
        "no answer (ServiceRequestError): waiting 1m30s, and again as often as need be",
    ]
