"""A message that ends the process each time it is read: after the second end it is set aside, and that is told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def life(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.service.poisoned_life", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.integration
def test_a_message_that_ended_the_process_twice_is_set_aside_and_the_others_are_read(tmp_path: Path) -> None:
    assert [life(tmp_path).returncode for _ in range(2)] == [9, 9]

    third = life(tmp_path)

    assert third.returncode == 0, third.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["positions"] == {"0": 2, "1": 0}
    assert told["actions"] == [f"microsoft.web/sites/{name}" for name in ("after", "before", "beside")]
    assert told["set_aside"] == 1
    [letter] = told["letters"]
    assert letter["reason"] == "set_aside"
    assert "sequence number 1" in letter["detail"]
    assert ["lost", "opened", 1] in told["notices"]

    fourth = life(tmp_path)
    assert fourth.returncode == 0, fourth.stderr
    assert json.loads((tmp_path / "told.json").read_text())["set_aside"] == 0
