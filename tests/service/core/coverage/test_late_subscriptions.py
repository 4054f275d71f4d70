"""An export that is late of one subscription among many that are in time: told, with whose it is, once."""

import json
from datetime import datetime, timedelta

from models.stream import ActivityEvent, Actor, ActorKind, Outcome
from service.core.coverage.arrival import MOST_SUBSCRIPTIONS, SubscriptionArrival, by_subscription
from service.core.coverage.monitor import CoverageMonitor
from service.core.messages import EndOffset, Message
from service.core.notices import GapKind, Notice
from service.sinks.content.notice_content import notice_content
from tests.fakes.clock import MONDAY_MORNING

PUNCTUAL = "aaaaaaaa-0000-4000-8000-000000000001"
TARDY = "bbbbbbbb-0000-4000-8000-000000000001"
OTHER = "cccccccc-0000-4000-8000-000000000001"
IN_TIME, LATE = 5, 90  # minutes


def event(scope: str, time: datetime = MONDAY_MORNING) -> ActivityEvent:
    actor = Actor("t/ann", "ann", ActorKind.HUMAN)
    return ActivityEvent(time, actor, "a/b", "A/b", Outcome.SUCCESS, "o", "/r", scope, "", "", "")


class Hub:
    """One partition that takes a message of each subscription each minute; each holds three events."""

    def __init__(self) -> None:
        self.coverage = CoverageMonitor()
        self.coverage.begin({}, MONDAY_MORNING)
        self.minute = 0
        self.number = 0
        self.notices: list[Notice] = []

    @property
    def now(self) -> datetime:
        return MONDAY_MORNING + timedelta(minutes=self.minute)

    def pass_minutes(self, minutes: int, **delays: int) -> None:
        """Let minutes pass in which messages of these come, late by so many minutes, each on its own."""
        for _ in range(minutes):
            self.minute += 1
            for name, delay in delays.items():
                self.take({"punctual": PUNCTUAL, "tardy": TARDY, "other": OTHER}.get(name, name), delay)
            self.coverage.note_end_offset(EndOffset("0", self.number - 1, self.now, self.now))
            if self.minute % 5 == 0:
                self.notices += self.coverage.check(self.now)

    def take(self, subscription: str, delay: int) -> None:
        newest = self.now - timedelta(minutes=delay)
        message = Message("0", self.number, str(self.number), self.now, b"")
        self.number += 1
        self.coverage.note_events(message, [event(subscription, newest)] * 3, unjudged=0, now=self.now)

    def restart(self) -> None:
        saved = json.loads(json.dumps(self.coverage.dump()))
        self.coverage = CoverageMonitor()
        self.coverage.load(saved)
        self.coverage.begin({}, self.now)

    def told(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(notice.stage, notice.subscriptions) for notice in self.notices if notice.kind is GapKind.LATE]


def test_one_that_is_late_among_many_that_are_not_is_told_and_closed_also_over_a_restart() -> None:
    hub = Hub()
    hub.pass_minutes(20, punctual=IN_TIME, tardy=IN_TIME)
    hub.pass_minutes(30, punctual=IN_TIME, tardy=LATE)
    hub.restart()
    hub.pass_minutes(10, punctual=IN_TIME, tardy=LATE)
    assert hub.told() == [("opened", (TARDY,))]
    hub.pass_minutes(30, punctual=IN_TIME, tardy=IN_TIME)
    assert hub.told() == [("opened", (TARDY,)), ("closed", (TARDY,))]
    opened, closed = hub.notices
    assert opened.id == closed.id
    assert closed.late_records == 3 * 40
    assert TARDY in notice_content(opened).heading
    assert not hub.coverage.open


def test_a_single_late_message_of_one_is_nothing() -> None:
    hub = Hub()
    for _ in range(10):
        hub.pass_minutes(10, punctual=IN_TIME, tardy=IN_TIME)
        hub.pass_minutes(1, punctual=IN_TIME, tardy=LATE)
    assert hub.told() == []


def test_a_second_one_updates_what_was_told_and_both_must_be_over() -> None:
    hub = Hub()
    hub.pass_minutes(30, punctual=IN_TIME, tardy=LATE)
    hub.pass_minutes(30, punctual=IN_TIME, tardy=LATE, other=LATE)
    hub.pass_minutes(60, punctual=IN_TIME, tardy=IN_TIME, other=LATE)
    assert hub.told() == [("opened", (TARDY,)), ("updated", (TARDY, OTHER))]
    assert "2 subscriptions" in notice_content(hub.notices[-1]).heading
    hub.pass_minutes(30, punctual=IN_TIME, tardy=IN_TIME, other=IN_TIME)
    assert hub.told()[-1] == ("closed", (TARDY, OTHER))
    assert len(hub.told()) == 3


def test_when_all_are_late_it_is_nobodys_alone() -> None:
    hub = Hub()
    hub.pass_minutes(40, punctual=LATE, tardy=LATE)
    hub.pass_minutes(40, punctual=IN_TIME, tardy=IN_TIME)
    assert hub.told() == [("opened", ()), ("closed", ())]
    assert hub.notices[-1].late_records == 2 * 3 * 40


def test_one_of_which_nothing_is_heard_any_more_is_late_for_a_day_at_most() -> None:
    hub = Hub()
    hub.pass_minutes(30, punctual=IN_TIME, tardy=LATE)
    hub.pass_minutes(23 * 60, punctual=IN_TIME)
    assert hub.told() == [("opened", (TARDY,))]
    hub.pass_minutes(2 * 60, punctual=IN_TIME)
    assert hub.told()[-1] == ("closed", (TARDY,))


def test_what_somebody_makes_up_fills_no_memory_and_no_notice() -> None:
    hub = Hub()
    for number in range(3 * MOST_SUBSCRIPTIONS):
        hub.take(f"dddddddd-0000-4000-8000-{number:012}", LATE)
    saved = json.dumps(hub.coverage.dump())
    assert saved.count("dddddddd-") == MOST_SUBSCRIPTIONS
    hub.pass_minutes(25 * 60, punctual=IN_TIME)
    assert hub.told() == []
    assert "dddddddd-" not in json.dumps(hub.coverage.dump())


def test_events_count_for_the_subscription_whose_they_are_if_that_is_an_id() -> None:
    later = MONDAY_MORNING + timedelta(minutes=1)
    events = [event(TARDY, later), event(TARDY), event(PUNCTUAL), event(""), event("managementgroups/x"), event("<b>")]

    assert by_subscription(events) == {
        TARDY: SubscriptionArrival(2, later),
        PUNCTUAL: SubscriptionArrival(1, MONDAY_MORNING),
    }
