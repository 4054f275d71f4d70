"""A reader that goes away, as `head` does, ends each command without a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.storage.snapshots import CURRENT
from tests.service.cli.test_commands import config
from tests.service.cli.test_learn import ROOT, lines


def into_a_closed_pipe(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "service", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)


@pytest.mark.integration
def test_a_reader_that_has_gone_ends_each_command_without_a_word_and_what_was_learnt_is_saved(
    tmp_path: Path,
) -> None:
    settings, history = config(tmp_path), lines(tmp_path)
    learnt = into_a_closed_pipe("learn", "--config", settings, history)
    assert b"Broken pipe" not in learnt.stderr
    assert (tmp_path / "state" / CURRENT).exists()
    replayed = into_a_closed_pipe("replay", "--config", settings, history)
    assert (replayed.returncode, replayed.stderr) == (1, b"")
    asked = into_a_closed_pipe("budget", "--config", settings)
    assert (asked.returncode, asked.stderr) == (1, b"")
