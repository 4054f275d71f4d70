"""What the demo writes: narrow enough, plain where there is no terminal, and nothing that a terminal would obey."""

import io
from datetime import timedelta

from demo.judged import Judged
from demo.score import Hint, Score, Told, Verdict
from demo.show import Terminal, bar, card, false_alerts, table
from demo.tenant import Campaign, Step
from tests.fakes.clock import MONDAY_MORNING

HOSTILE = "alice\x1b[2J\x1b]0;owned\x07\r\nbob\u202e" * 9


class FakeScreen(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def told(*, revision: int = 1, text: str = "word " * 80, hints: int = 5) -> Told:
    start = MONDAY_MORNING.replace(minute=0)
    hint = Hint(
        "t/x", text, "rare_action", text, text, MONDAY_MORNING, start, start + timedelta(hours=1), (text,), text
    )
    heading = f"High 92: {text}"
    return Told("0" * 16, revision, "t/a", text, MONDAY_MORNING, heading, ("TA0003/T1098",) * 9, (hint,) * hints)


def test_a_card_is_at_most_a_hundred_characters_wide_and_says_how_much_it_leaves_out() -> None:
    lines = card(told())
    assert max(map(len, lines)) <= 100
    assert "│ and 2 more" in lines
    assert [line[0] for line in lines] == ["┌", *"│" * (len(lines) - 2), "└"]


def test_news_of_an_alert_takes_two_lines() -> None:
    head, foot = card(told(revision=3, text="alice: delete vaults"))
    assert head == "┌ High 92: alice: delete vaults"
    assert foot.endswith("alert 0000000000000000, update 2: 5 findings now")


def test_a_card_holds_nothing_that_a_terminal_would_obey() -> None:
    assert all(character.isprintable() for line in card(told(text=HOSTILE)) for character in line)


def test_without_a_terminal_there_is_neither_colour_nor_status() -> None:
    stream = io.StringIO()
    terminal = Terminal(stream)
    terminal.status("half way")
    terminal.card(told(text="alice"))
    terminal.check(False, "it works")
    assert "\x1b" not in stream.getvalue()
    assert "half way" not in stream.getvalue()
    assert "FAILED  it works" in stream.getvalue()


def test_on_a_terminal_the_status_stays_below_what_is_said() -> None:
    stream = FakeScreen()
    terminal = Terminal(stream)
    terminal.status("half way")
    terminal.say("news")
    assert stream.getvalue() == "half way\r\x1b[Knews\nhalf way"


def test_the_table_names_each_attack_and_its_fate_within_a_hundred_characters() -> None:
    campaign = Campaign(
        "c01", "recon", "Search for ways on " * 3, "T1526", "t/a", f"{'a' * 50}@b.example",
        (Step(MONDAY_MORNING, "a/b", False),), (),
    )  # fmt: skip
    end = MONDAY_MORNING + timedelta(hours=1)
    detectors = ("failure_spike", "rare_action", "rare_failure")
    found = Verdict(campaign, MONDAY_MORNING + timedelta(minutes=61), detectors)
    missed = Verdict(campaign, None, (), Judged("t/a", "a/b", "rare_action", 60.97, MONDAY_MORNING, end))
    lines = table(Score((found, missed, Verdict(campaign, None, ())), (), 1), {"rare_action": 61.0})
    assert max(map(len, lines)) <= 100
    assert lines[0].endswith("told after  found by")
    assert lines[1].endswith("1 h 01 min  failure_spike,")
    assert (lines[2] + lines[3]).split() == ["rare_action,", "rare_failure"]
    assert lines[4].endswith("not found   rare_action 60 of 61")
    assert lines[5].endswith("not found")
    assert lines[6].startswith("  not found: the highest score")


def test_false_alerts_are_counted_and_named() -> None:
    assert false_alerts(Score((), (), 0), 2, 120) == ["none in 2 days of 120 identities"]
    [hint] = told(text="Microsoft.Compute/disks/write", hints=1).hints
    lines = false_alerts(Score((), (hint._replace(actor_name="bob@contoso.example"),), 1), 2, 120)
    when = f"{MONDAY_MORNING:%H:%M}"
    assert " ".join(lines) == (
        f"1 identity-day in 2 days of 120 identities: bob (Mon {when}, Microsoft.Compute/disks/write)"
    )


def test_a_bar_stays_within_its_frame() -> None:
    assert bar(-1.0, 4) == "[----]"
    assert bar(7.0, 4) == "[####]"
