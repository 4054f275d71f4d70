"""When the service says that it was blind, of what, and when it says nothing."""

from datetime import timedelta

import pytest

from service.core.coverage.monitor import CoverageMonitor
from service.core.messages import EndOffset, Message, Position
from service.core.notices import GapKind
from service.sinks.content.notice_content import notice_content
from tests.fakes.clock import MONDAY_MORNING
from tests.service.core.coverage.hub import HOUR, LOOK, Hub


def test_a_quiet_night_is_no_blindness() -> None:
    hub = Hub()
    hub.put("0")
    hub.read("0")
    hub.quiet(12 * HOUR, "0", "1")
    assert hub.notices == []


def test_a_hiccup_is_not_told() -> None:
    hub = Hub()
    for _ in range(20):
        hub.quiet(14, "1")
        hub.quiet(1, "0", "1")
    assert hub.notices == []


def test_a_silent_partition_is_told_once_and_once_when_it_speaks_again() -> None:
    hub = Hub()
    hub.quiet(10, "0", "1")
    hub.quiet(3 * HOUR, "1")
    assert hub.told() == [(GapKind.SILENT, "opened")]
    [opened] = hub.notices
    assert opened.since == hub.at(10)
    assert opened.until is None
    assert opened.partitions == ("0",)
    assert opened.may_alerts_still_come
    assert opened.found_at == hub.at(25)
    assert hub.coverage.open == {GapKind.SILENT}
    hub.quiet(HOUR, "0", "1")
    assert hub.told() == [(GapKind.SILENT, "opened"), (GapKind.SILENT, "closed")]
    closed = hub.notices[-1]
    assert (closed.id, closed.revision) == (opened.id, 2)
    assert (closed.since, closed.until) == (hub.at(10), hub.at(191))
    assert not closed.may_alerts_still_come
    assert hub.coverage.open == frozenset()


def test_messages_that_the_hub_holds_and_that_do_not_come_are_a_silence() -> None:
    hub = Hub()
    hub.quiet(10, "0", "1")
    hub.put("0")
    hub.quiet(30, "0", "1")
    assert hub.told() == [(GapKind.SILENT, "opened")]
    hub.read("0")
    hub.quiet(30, "0", "1")
    assert hub.told() == [(GapKind.SILENT, "opened"), (GapKind.SILENT, "closed")]
    assert hub.notices[-1].late_records == 3


def test_a_downtime_is_told_on_return_with_its_span_and_when_it_has_been_read() -> None:
    hub = Hub()
    hub.put("0")
    hub.read("0")
    hub.quiet(10, "0", "1")
    for _ in range(10):
        hub.minute += HOUR
        hub.put("0")
    hub.restart()
    hub.ask("0", "1")
    hub.read("0")
    hub.quiet(30, "0", "1")
    assert hub.told() == [(GapKind.BEHIND, "opened"), (GapKind.BEHIND, "closed")]
    opened, closed = hub.notices
    assert (opened.since, opened.partitions) == (hub.at(10), ("0",))
    assert closed.until is not None
    assert hub.at(610) <= closed.until <= hub.at(615)
    assert closed.late_records == 27  # the newest of the ten messages was read as it came


def test_what_a_stalled_reader_reads_late_was_late_until_it_read_it() -> None:
    hub = Hub()
    hub.quiet(10, "0", "1")
    hub.minute += HOUR  # no look and no answer of the hub: the process had no time
    hub.put("0")
    hub.read("0")
    hub.ask("0", "1")
    hub.quiet(30, "0", "1")
    assert hub.told() == [(GapKind.BEHIND, "opened"), (GapKind.BEHIND, "closed")]
    assert (hub.notices[-1].since, hub.notices[-1].until) == (hub.at(10), hub.at(70))


def test_what_was_missed_before_a_start_is_behind_however_long_the_first_message_takes() -> None:
    hub = Hub()
    hub.quiet(10, "0", "1")
    hub.minute += 10 * HOUR
    hub.put("0")
    hub.restart()
    hub.quiet(14, "0", "1")  # the hub says what it holds, and nothing of it has come yet
    assert hub.told() == [(GapKind.BEHIND, "opened")]
    hub.read("0")
    hub.quiet(30, "0", "1")
    assert hub.told() == [(GapKind.BEHIND, "opened"), (GapKind.BEHIND, "closed")]
    assert (hub.notices[0].since, hub.notices[0].partitions) == (hub.at(10), ("0",))


def test_a_partition_that_gives_nothing_after_a_quick_restart_is_silent() -> None:
    hub = Hub()
    hub.quiet(10, "0", "1")
    hub.put("0")
    hub.restart()
    hub.quiet(30, "0", "1")
    assert hub.told() == [(GapKind.SILENT, "opened")]


def test_whoever_was_frozen_or_too_busy_to_read_is_behind_and_not_silent() -> None:
    hub = Hub()
    hub.quiet(20, "0", "1")
    for _ in range(40):
        hub.minute += 1
        hub.put("0")
    hub.coverage.resume(hub.now)
    hub.look()
    assert hub.told() == [(GapKind.BEHIND, "opened")]
    hub.read("0")
    hub.quiet(HOUR, "0", "1")
    assert hub.told() == [(GapKind.BEHIND, "opened"), (GapKind.BEHIND, "closed")]


def test_a_hub_that_stays_silent_after_a_freeze_is_told_all_the_same() -> None:
    hub = Hub()
    hub.quiet(20, "0", "1")
    hub.minute += 40
    hub.coverage.resume(hub.now)
    hub.look()
    hub.quiet(HOUR, "1")
    assert hub.told()[0] == (GapKind.BEHIND, "opened")
    assert GapKind.BEHIND in hub.coverage.open
    hub.quiet(HOUR, "0", "1")
    assert hub.told()[-1] == (GapKind.BEHIND, "closed")


def test_a_downtime_in_which_nothing_happened_is_not_told() -> None:
    hub = Hub()
    hub.quiet(10, "0", "1")
    hub.minute += 10 * HOUR
    hub.restart()
    hub.quiet(30, "0", "1")
    assert hub.notices == []


@pytest.mark.parametrize("hours", [25, -6])
def test_a_clock_that_is_set_is_no_gap_and_hides_none(hours: int) -> None:
    hub = Hub()
    for _ in range(2):
        for _ in range(10):
            hub.put("0")
            hub.read("0")
            hub.quiet(3, "0", "1")
        hub.set_clock(hours)
        hub.look()
        assert hub.notices == []
        hours = -hours
    hub.quiet(20, "1")
    assert hub.told() == [(GapKind.SILENT, "opened")]
    hub.set_clock(hours)
    hub.quiet(30, "0", "1")
    assert hub.told() == [(GapKind.SILENT, "opened"), (GapKind.SILENT, "closed")]


def test_a_reader_that_cannot_keep_up_is_behind_and_not_silent() -> None:
    hub = Hub()
    for minute in range(2 * HOUR):
        hub.put("0")
        hub.minute += 1
        hub.ask("1")
        if minute % 2:  # half as fast as the hub is filled
            message = hub.enqueued["0"][hub.had["0"]]
            hub.coverage.note_message(message, records=3, newest=message.enqueued_time, now=hub.now)
            hub.had["0"] += 1
        if hub.minute % LOOK == 0:
            hub.look()
    assert hub.told() == [(GapKind.BEHIND, "opened")]


def test_a_partition_that_flaps_makes_one_span() -> None:
    hub = Hub()
    for _ in range(10):
        hub.quiet(30, "1")
        hub.quiet(10, "0", "1")
    hub.quiet(20, "0", "1")
    assert hub.told() == [(GapKind.SILENT, "opened"), (GapKind.SILENT, "closed")]


def test_partitions_that_fall_silent_one_after_the_other_are_one_span() -> None:
    hub = Hub()
    hub.quiet(30, "1")
    hub.quiet(60)
    assert hub.told() == [(GapKind.SILENT, "opened"), (GapKind.SILENT, "updated")]
    assert [notice.partitions for notice in hub.notices] == [("0",), ("0", "1")]
    assert hub.notices[0].id == hub.notices[1].id
    hub.quiet(30, "0", "1")
    assert hub.told()[2:] == [(GapKind.SILENT, "closed")]


def test_whoever_was_killed_in_the_middle_does_not_begin_again() -> None:
    hub = Hub()
    hub.quiet(30)
    for _ in range(5):
        hub.restart()
        hub.quiet(30)
    hub.quiet(HOUR, "0", "1")
    assert hub.told() == [(GapKind.SILENT, "opened"), (GapKind.SILENT, "closed")]


def test_a_service_that_restarts_again_and_again_because_it_hears_nothing_says_so() -> None:
    hub = Hub()
    hub.quiet(10, "0", "1")
    for _ in range(12):
        hub.quiet(6)
        hub.restart()
    assert hub.told() == [(GapKind.BEHIND, "opened")]  # each life is too short to know that nothing comes
    assert hub.notices[0].since == hub.at(10)


def test_a_gap_in_the_sequence_numbers_is_told_at_once_with_its_span_and_its_size() -> None:
    hub = Hub()
    hub.put("1")
    hub.read("1")
    hub.quiet(4, "0", "1")
    hub.put("1", lost=7)
    hub.read("1")
    [opened] = hub.look()
    assert (opened.kind, opened.stage, opened.lost_messages) == (GapKind.LOST, "opened", 7)
    assert (opened.since, opened.partitions) == (hub.at(0), ("1",))
    assert not opened.may_alerts_still_come
    hub.quiet(30, "0", "1")
    assert hub.told() == [(GapKind.LOST, "opened"), (GapKind.LOST, "closed")]
    assert (hub.notices[1].until, hub.notices[1].lost_messages) == (hub.at(4), 7)


def test_a_loss_that_grows_is_told_as_an_update() -> None:
    hub = Hub()
    for _ in range(3):
        hub.put("0", lost=5)
        hub.read("0")
        hub.quiet(10, "0", "1")
    hub.quiet(30, "0", "1")
    assert hub.told() == [(GapKind.LOST, "opened"), (GapKind.LOST, "updated"), (GapKind.LOST, "closed")]
    assert [notice.lost_messages for notice in hub.notices] == [
        5,
        10,
        10,
    ]  # before the first message that is read nothing is known to be missing


def test_what_expired_while_nobody_read_counts_once_however_often_it_is_said() -> None:
    hub = Hub()
    hub.put("0")
    hub.read("0")
    for _ in range(3):
        hub.coverage.note_expired("0", 40, hub.now)
        hub.restart()
    hub.last["0"] = 40
    hub.put("0")
    hub.read("0")
    hub.quiet(30, "0", "1")
    assert [notice.lost_messages for notice in hub.notices] == [40, 40]


def test_positions_of_an_older_snapshot_show_what_is_missing_behind_them() -> None:
    coverage = CoverageMonitor()
    coverage.begin({"0": Position(9, "9", MONDAY_MORNING)}, MONDAY_MORNING + timedelta(hours=1))
    later = MONDAY_MORNING + timedelta(minutes=50)
    coverage.note_message(Message("0", 12, "12", later, b""), records=1, newest=later, now=later)
    [notice] = coverage.check(MONDAY_MORNING + timedelta(hours=1))
    assert (notice.lost_messages, notice.since, notice.until) == (2, MONDAY_MORNING, None)


def test_what_a_hub_held_that_was_created_again_is_lost_once_and_nobody_knows_how_much() -> None:
    hub = Hub()
    for partition in ("0", "1"):
        hub.put(partition)
        hub.read(partition)
    hub.quiet(3, "0", "1")
    hub.coverage.note_recreated(("0",), hub.now, hub.now)
    hub.last = {"0": -1}
    hub.restart()
    hub.put("0")
    hub.read("0")
    hub.quiet(60, "0")
    assert hub.told() == [(GapKind.LOST, "opened"), (GapKind.LOST, "closed")]
    opened, closed = hub.notices
    assert (opened.lost_messages, closed.lost_messages) == (None, None)
    assert (opened.partitions, opened.since, closed.until) == (("0", "1"), hub.at(0), hub.at(3))
    assert "an unknown number of messages" in notice_content(opened).heading
    assert "created again" in " ".join(fact.text for fact in notice_content(opened).facts)


def test_a_gap_of_partitions_that_the_new_hub_does_not_have_is_closed() -> None:
    hub = Hub()
    hub.put("1")
    hub.read("1")
    hub.quiet(30, "0")
    hub.coverage.note_recreated(("0",), hub.now, hub.now)
    hub.quiet(60, "0")
    assert (GapKind.SILENT, "opened") in hub.told()
    assert hub.told().count((GapKind.SILENT, "closed")) == 1
    assert not hub.coverage.open


def arriving(hub: Hub, minutes: int, delay: int, unjudged: int = 0) -> None:
    for _ in range(minutes):
        hub.minute += 1
        hub.put("0")
        hub.read("0", delay=delay, unjudged=unjudged)
        hub.ask("0", "1")
        if hub.minute % LOOK == 0:
            hub.look()


def test_an_export_that_is_late_is_told_with_the_events_own_times() -> None:
    hub = Hub()
    arriving(hub, 20, delay=10)
    arriving(hub, 30, delay=90)
    assert hub.told() == [(GapKind.LATE, "opened")]
    assert hub.notices[0].since == hub.at(21 - 90)
    assert hub.notices[0].may_alerts_still_come
    arriving(hub, 30, delay=10)
    assert hub.told() == [(GapKind.LATE, "opened"), (GapKind.LATE, "closed")]
    assert (hub.notices[1].until, hub.notices[1].late_records) == (hub.at(50 - 90), 90)


def test_single_late_records_are_no_outage() -> None:
    hub = Hub()
    for _ in range(50):
        arriving(hub, 1, delay=20 * HOUR)
        arriving(hub, 4, delay=10)
    assert hub.notices == []


def test_late_records_that_nobody_can_judge_any_more_are_counted_and_told() -> None:
    hub = Hub()
    arriving(hub, 20, delay=90)
    arriving(hub, 30, delay=30 * HOUR, unjudged=3)
    assert hub.told() == [(GapKind.LATE, "opened"), (GapKind.LATE, "updated")]
    assert hub.notices[1].unjudged_records > 0


def test_late_and_punctual_ones_in_turn_are_one_span() -> None:
    hub = Hub()
    arriving(hub, 20, delay=90)
    for _ in range(10):
        arriving(hub, 5, delay=10)
        arriving(hub, 5, delay=90)
    assert hub.told() == [(GapKind.LATE, "opened")]


def test_a_backlog_to_learn_from_is_neither_late_nor_lost() -> None:
    coverage = CoverageMonitor()
    now = MONDAY_MORNING + timedelta(days=7)
    coverage.begin({}, now)
    for number in range(200):
        taken = MONDAY_MORNING + timedelta(minutes=10 * number)
        coverage.note_message(
            Message("0", 500 + number, "", taken, b""), records=2, newest=taken - timedelta(hours=5), now=now
        )
    coverage.note_end_offset(EndOffset("0", 699, now, now))
    assert coverage.check(now + timedelta(minutes=5)) == []


def test_a_message_that_comes_twice_changes_nothing() -> None:
    hub = Hub()
    for _ in range(3):
        hub.put("0")
    hub.read("0")
    before = hub.coverage.dump()
    hub.had["0"] = 0
    hub.read("0", delay=HOUR * 30, unjudged=3)
    assert hub.coverage.dump() == before
