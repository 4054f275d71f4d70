"""``unwonted run``: who is shown the way into the console."""

import os
import pty

import pytest

from service.cli.run import announce

ADDRESS = "http://127.0.0.1:8090/enter?token=abc"


def test_whoever_starts_the_service_by_hand_is_shown_the_way_in(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as shown, os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        announce(ADDRESS)
        terminal.flush()
        assert os.read(shown.fileno(), 200).decode().strip() == f"open {ADDRESS}"


def test_a_log_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    announce(ADDRESS)
    assert capfd.readouterr() == ("", "")
