"""No more is said of our clock than is wrong with it, and what is wrong does not go unsaid where a hub is live."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.coverage.clock_check import TOLERANCE, ClockCheck
from tests.fakes.clock import MONDAY_MORNING

NOTHING = timedelta(0)
MINUTE = timedelta(minutes=1)
skews = st.timedeltas(-timedelta(days=30), timedelta(days=30))


@given(
    skews,
    st.lists(st.tuples(st.sampled_from(["ask", "send", "read", "set"]), st.integers(0, 3_000), skews), max_size=40),
)
def test_never_more_is_said_than_is_wrong(ahead: timedelta, steps: list[tuple[str, int, timedelta]]) -> None:
    check, hub, sent, read = ClockCheck(), MONDAY_MORNING, [MONDAY_MORNING], 1
    for what, seconds, by in steps:
        hub += timedelta(seconds=seconds)
        if what == "ask":
            check.note_end_offset("0", len(sent) - 1, sent[-1], hub + ahead)
        elif what == "send":
            sent.append(hub)
        elif what == "set":
            ahead += by
            check.move(by)
        else:
            for number in range(read, len(sent)):
                check.note_message("0", number, sent[number], hub + ahead)
            read = len(sent)
        assert min(ahead, NOTHING) <= check.ahead <= max(ahead, NOTHING)


@pytest.mark.parametrize(
    "ahead", [timedelta(days=3), timedelta(hours=-7), 6 * MINUTE, -6 * MINUTE, 4 * MINUTE, NOTHING]
)
def test_what_a_live_hub_takes_shows_whether_it_is_wrong_and_that_it_was_set_right(ahead: timedelta) -> None:
    check, now = ClockCheck(), MONDAY_MORNING + ahead
    check.note_end_offset("0", 7, MONDAY_MORNING - 60 * MINUTE, now)
    check.note_message("0", 8, MONDAY_MORNING + timedelta(seconds=2), now + timedelta(seconds=4))
    assert abs(check.ahead - (ahead if abs(ahead) > TOLERANCE else NOTHING)) < MINUTE
    assert check.differs(NOTHING) is (abs(ahead) > TOLERANCE)
    assert not check.differs(check.ahead)
    check.move(-ahead)
    assert check.ahead == NOTHING


def test_a_backlog_and_a_quiet_hub_say_nothing() -> None:
    check, now = ClockCheck(), MONDAY_MORNING
    check.note_end_offset("0", 9, now - timedelta(days=2), now)
    check.note_end_offset("1", -1, now, now)
    check.note_message("0", 4, now - timedelta(days=3), now)
    check.note_saved([now - timedelta(days=9), now + 4 * MINUTE], now)
    check.note_saved([], now)
    assert check.ahead == NOTHING


def test_what_was_saved_as_past_and_is_to_come_shows_a_clock_that_is_behind() -> None:
    check = ClockCheck()
    check.note_saved([MONDAY_MORNING + timedelta(days=3)], MONDAY_MORNING)
    assert check.ahead == -timedelta(days=3)
