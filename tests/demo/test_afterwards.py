"""What the demo says to try must find what the demo has told of."""

from pathlib import Path

from demo.afterwards import tries
from demo.score import Told
from tests.fakes.clock import MONDAY_MORNING

TOLD = Told("0123456789abcdef", 1, "t/a", "ann o'neil@contoso.example", MONDAY_MORNING, "High 92", (), ())


def test_the_commands_reach_back_to_the_first_live_day() -> None:
    commands = list(tries(Path("build/demo"), [TOLD], 3, served_at=None))
    assert [line.partition(" --since ")[2] for line in commands if "--since" in line] == ["3d", "3d"]
    assert any("timeline 'ann o'\"'\"'neil@contoso.example'" in line for line in commands)
    assert commands[-1].endswith("unwonted console")


def test_while_the_console_is_served_a_verdict_is_given_there_on_the_demos_own_calendar() -> None:
    lines = list(tries(Path("build/demo"), [TOLD], 2, served_at="http://127.0.0.1:8091"))
    assert lines[-1].strip() == "http://127.0.0.1:8091/alerts/0123456789abcdef"
    assert not any("verdict" in line and "unwonted" in line for line in lines)


def test_without_an_alert_there_is_nothing_to_judge() -> None:
    assert not any("alerts/" in line for line in tries(Path("build/demo"), [], 2, served_at="http://127.0.0.1:1"))
