import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from models.statistics.scoring import Severity
from service.core.alerting.alerts import Alert
from service.core.notices import AnyNotice
from service.core.outbox import LIFETIME, PROBE_SECONDS, Outbox
from service.core.ports import Pace, Receipt, Rendered, Sink
from service.delivery.dispatcher import Delivery, Dispatcher, Route
from service.delivery.undeliverable import UndeliverableWriter
from service.sinks.content.messages import message_about
from service.sinks.registry import KINDS
from tests.fakes.alerts import alert
from tests.fakes.clock import FakeClock, settle
from tests.fakes.notices import notice

SENT, RETRY, BROKEN = Receipt("sent", "http_200"), Receipt("retry", "http_503"), Receipt("broken", "http_404")


class ScriptedSink:
    """Takes `seconds` for each attempt, answers the receipts in order and then the last for ever; remembers."""

    def __init__(self, name: str, clock: FakeClock, *receipts: Receipt, seconds: float = 0.0) -> None:
        self._name = name
        self._clock = clock
        self._receipts = list(receipts) or [SENT]
        self._seconds = seconds
        self.tried: list[tuple[float, str]] = []

    @property
    def name(self) -> str:
        return self._name

    @property
    def times(self) -> list[float]:
        return [time for time, _ in self.tried]

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        return [Rendered(f"{a.id}.{a.revision}", ((a.id, a.revision),), a.id.encode()) for a in alerts]

    def render_notice(self, notice: AnyNotice) -> Rendered:
        return message_about(notice, notice.kind.value.encode())

    async def send(self, message: Rendered) -> Receipt:
        self.tried.append((self._clock.elapsed(), message.id))
        await self._clock.sleep(self._seconds)
        return self._receipts[0] if len(self._receipts) == 1 else self._receipts.pop(0)

    async def close(self) -> None:
        self._receipts.clear()


class BuggySink(ScriptedSink):
    async def send(self, message: Rendered) -> Receipt:
        await super().send(message)
        raise ZeroDivisionError("a name that is in no log: hunter2")


class Service:
    """What the application does around the dispatcher, with snapshots that are only counted."""

    def __init__(
        self,
        *sinks: Sink,
        clock: FakeClock,
        outbox: Outbox | None = None,
        pace: Pace = Pace(),  # noqa: B008 - immutable
        undeliverable: UndeliverableWriter | None = None,
    ) -> None:
        self.clock = clock
        self.outbox = outbox or Outbox()
        self.seen: list[Delivery] = []
        self.saved: list[float] = []
        self.dispatcher = Dispatcher(
            self.outbox,
            [Route(sink, pace) for sink in sinks],
            clock=clock,
            jitter=lambda: 1.0,
            on_settled=self._save,
            observer=self.seen.append,
            undeliverable=undeliverable,
        )

    async def _save(self) -> None:
        self.saved.append(self.clock.elapsed())

    def tell(self, *alerts: Alert) -> None:
        self.dispatcher.submit(alerts)
        self.dispatcher.wake(self.outbox.mark)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.dispatcher.run())
        await settle()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


def alerts(count: int) -> list[Alert]:
    return [alert(number) for number in range(1, count + 1)]


async def test_an_alert_reaches_every_sink_and_then_a_snapshot_is_due() -> None:
    clock = FakeClock()
    team, chat = ScriptedSink("team", clock), ScriptedSink("chat", clock)
    service = Service(team, chat, clock=clock)
    async with service.running():
        service.tell(alert())
        await settle()
    assert [id_ for _, id_ in team.tried] == [id_ for _, id_ in chat.tried] == [f"{alert().id}.1"]
    assert [(seen.sink, seen.outcome, seen.attempts) for seen in service.seen] == [
        ("team", "sent", 1),
        ("chat", "sent", 1),
    ]
    assert service.seen[0].alerts == ((alert().id, 1),)
    assert service.saved


async def test_nothing_is_sent_before_the_snapshot_that_holds_it() -> None:
    clock = FakeClock()
    team = ScriptedSink("team", clock)
    service = Service(team, clock=clock)
    async with service.running():
        service.dispatcher.submit([alert(1)])
        mark = service.outbox.mark
        service.dispatcher.submit([alert(2)])
        await clock.advance(60)
        assert team.tried == []
        service.dispatcher.wake(mark)
        await clock.advance(60)
        assert [id_ for _, id_ in team.tried] == [f"{alert(1).id}.1"]


async def test_a_failed_attempt_is_repeated_with_the_same_id_until_it_succeeds() -> None:
    clock = FakeClock()
    team = ScriptedSink("team", clock, RETRY, RETRY, Receipt("retry", "http_429", 50.0), SENT)
    service = Service(team, clock=clock)
    async with service.running():
        service.tell(alert())
        await clock.advance(200)
    assert team.times == [0.0, 2.0, 6.0, 56.0]
    assert len({id_ for _, id_ in team.tried}) == 1
    assert [seen.outcome for seen in service.seen] == ["retry", "retry", "retry", "sent"]
    assert [seen.attempts for seen in service.seen] == [1, 2, 3, 4]
    assert service.saved == [56.0]


async def test_a_slow_sink_delays_no_other() -> None:
    clock = FakeClock()
    slow, quick = ScriptedSink("slow", clock, seconds=20.0), ScriptedSink("quick", clock)
    service = Service(slow, quick, clock=clock)
    async with service.running():
        service.tell(*alerts(5))
        await clock.advance(1)
        assert (len(slow.tried), len(quick.tried)) == (1, 5)
        await clock.advance(100)
        assert slow.times == [0.0, 20.0, 40.0, 60.0, 80.0]


async def test_a_sink_with_a_bug_stops_neither_the_service_nor_the_others_and_tells_no_secret() -> None:
    clock = FakeClock()
    service = Service(BuggySink("buggy", clock), ScriptedSink("fine", clock), clock=clock)
    async with service.running():
        service.tell(alert())
        await clock.advance(1)
    assert {(seen.sink, seen.outcome, seen.reason) for seen in service.seen} == {
        ("buggy", "retry", "bug_ZeroDivisionError"),
        ("fine", "sent", "http_200"),
    }
    assert "hunter2" not in str(service.seen)


async def test_teams_hears_at_most_one_message_a_second_and_a_hundred_an_hour() -> None:
    clock = FakeClock()
    team = ScriptedSink("team", clock)
    service = Service(team, clock=clock, pace=KINDS["teams"].pace._replace(at_once=130))
    async with service.running():
        service.tell(*alerts(130))
        await clock.advance(3 * 3600)
    assert len(team.tried) == 130
    assert all(later - earlier >= 1.0 for earlier, later in zip(team.times, team.times[1:], strict=False))
    assert all(last - first >= 3600.0 for first, last in zip(team.times, team.times[100:], strict=False))


async def test_a_long_run_of_messages_is_saved_every_few_seconds() -> None:
    clock = FakeClock()
    service = Service(ScriptedSink("team", clock), clock=clock, pace=Pace(1.0))
    async with service.running():
        service.tell(*alerts(31))
        await clock.advance(60)
    assert 5 <= len(service.saved) <= 8
    assert max(b - a for a, b in zip([0.0, *service.saved], service.saved, strict=False)) <= 6.0


async def test_what_was_sent_is_saved_before_a_long_pause() -> None:
    clock = FakeClock()
    service = Service(ScriptedSink("team", clock), clock=clock, pace=Pace(None, 3))
    async with service.running():
        service.tell(*alerts(4))
        await settle()
        assert service.saved == [0.0]
        await clock.advance(3600)
    assert service.saved == [0.0, 3600.0]


async def test_a_message_that_expires_while_it_waits_for_its_turn_is_not_sent() -> None:
    clock = FakeClock()
    team = ScriptedSink("team", clock)
    outbox = Outbox(lifetime=timedelta(minutes=30))
    service = Service(team, clock=clock, outbox=outbox, pace=Pace(None, 1))
    async with service.running():
        service.tell(*alerts(2))
        await clock.advance(3600)
    assert len(team.tried) == 1
    assert [seen.outcome for seen in service.seen] == ["sent", "expired"]


async def test_a_sink_hears_only_of_what_is_severe_enough_for_it() -> None:
    clock = FakeClock()
    everything, pager = ScriptedSink("everything", clock), ScriptedSink("pager", clock)
    suppressed: list[int] = []
    dispatcher = Dispatcher(
        Outbox(),
        [Route(everything), Route(pager, least=Severity.HIGH)],
        clock=clock,
        jitter=lambda: 1.0,
        on_settled=settle,
        observer=lambda seen: None,
        on_below_severity=suppressed.append,
    )
    low = alert(2, score=60.0, severity=Severity.LOW)
    assert dispatcher.submit([alert(1), low]) == 3
    assert suppressed == [1]


async def test_a_broken_sink_is_left_alone_but_for_a_probe_every_ten_minutes() -> None:
    clock = FakeClock()
    team = ScriptedSink("team", clock, BROKEN, BROKEN, SENT)
    service = Service(team, clock=clock)
    async with service.running():
        service.tell(*alerts(3))
        await clock.advance(2 * PROBE_SECONDS + 1)
    assert team.times == [0.0, PROBE_SECONDS, 2 * PROBE_SECONDS, 2 * PROBE_SECONDS, 2 * PROBE_SECONDS]
    assert [seen.broken for seen in service.seen] == [True, True, False, False, False]


async def test_an_alert_that_cannot_be_delivered_is_given_up_after_a_day() -> None:
    clock = FakeClock()
    service = Service(ScriptedSink("team", clock, RETRY), clock=clock)
    async with service.running():
        service.tell(alert())
        await clock.advance(LIFETIME.total_seconds() + 1)
    last = service.seen[-1]
    assert (last.outcome, last.reason) == ("expired", "http_503")
    assert service.outbox.waiting("team") == 0
    assert last.attempts > 100
    assert service.saved == [LIFETIME.total_seconds()]


async def test_a_refused_message_is_given_up_at_once() -> None:
    clock = FakeClock()
    service = Service(ScriptedSink("team", clock, Receipt("refused", "http_400")), clock=clock)
    async with service.running():
        service.tell(alert())
        await settle()
    [seen] = service.seen
    assert (seen.outcome, seen.attempts) == ("refused", 1)
    assert service.outbox.waiting("team") == 0


async def test_after_a_restart_what_was_not_sent_is_sent_with_the_same_id_and_what_was_is_not() -> None:
    clock = FakeClock()
    before = ScriptedSink("team", clock, SENT, RETRY)
    first = Service(before, clock=clock)
    async with first.running():
        first.tell(*alerts(2))
        await settle()
    outbox = Outbox()
    outbox.load(first.outbox.dump())
    after = ScriptedSink("team", clock)
    second = Service(after, clock=clock, outbox=outbox)
    async with second.running():
        second.tell(*alerts(2))
        await clock.advance(10)
    assert [id_ for _, id_ in before.tried] == [f"{a.id}.1" for a in alerts(2)]
    assert [id_ for _, id_ in after.tried] == [f"{alerts(2)[1].id}.1"]


async def test_a_sink_that_left_the_configuration_leaves_orphans() -> None:
    clock = FakeClock()
    first = Service(ScriptedSink("old", clock, RETRY), clock=clock)
    async with first.running():
        first.tell(alert())
        await settle()
    second = Service(ScriptedSink("new", clock), clock=clock, outbox=first.outbox)
    async with second.running():
        assert [(seen.sink, seen.outcome) for seen in second.seen] == [("old", "orphaned")]


async def test_a_full_queue_gives_up_the_least_urgent_and_says_so() -> None:
    clock = FakeClock()
    service = Service(ScriptedSink("team", clock), clock=clock, outbox=Outbox(capacity=2))
    assert service.dispatcher.submit(alerts(3)) == 3
    [seen] = service.seen
    assert (seen.outcome, seen.message_id) == ("overflowed", f"{alert(3).id}.1")


async def test_flush_sends_what_is_due_and_lets_run_end() -> None:
    clock = FakeClock()
    team = ScriptedSink("team", clock, seconds=1.0)
    service = Service(team, clock=clock)
    run = asyncio.create_task(service.dispatcher.run())
    await settle()
    service.tell(*alerts(3))
    flush = asyncio.create_task(service.dispatcher.flush(10.0))
    await clock.advance(5)
    assert await flush == 0
    await run
    assert len(team.tried) == 3
    assert service.saved[-1] == 3.0


@pytest.mark.parametrize("receipt", [RETRY, BROKEN])
async def test_flush_does_not_wait_for_retries(receipt: Receipt) -> None:
    clock = FakeClock()
    service = Service(ScriptedSink("team", clock, receipt), clock=clock)
    run = asyncio.create_task(service.dispatcher.run())
    await settle()
    service.tell(alert())
    assert await service.dispatcher.flush(10.0) == 1
    await run
    assert clock.elapsed() == 0.0


async def test_flush_ends_at_its_deadline_and_keeps_what_hangs() -> None:
    clock = FakeClock()
    service = Service(ScriptedSink("hung", clock, seconds=1e6), ScriptedSink("fine", clock), clock=clock)
    run = asyncio.create_task(service.dispatcher.run())
    await settle()
    service.tell(alert())
    flush = asyncio.create_task(service.dispatcher.flush(10.0))
    await clock.advance(10)
    assert await flush == 1
    await run
    assert service.outbox.waiting("hung") == 1
    assert clock.now() - timedelta(seconds=10) == FakeClock().now()


async def test_nothing_to_tell_disturbs_nobody() -> None:
    clock = FakeClock()
    team = ScriptedSink("team", clock)
    service = Service(team, clock=clock)
    async with service.running():
        service.tell()
        await clock.advance(3600)
    assert team.tried == []
    assert service.saved == []


async def test_a_notice_goes_the_alerts_way_to_each_sink_that_wants_it_whatever_its_severity() -> None:
    clock, outbox, seen = FakeClock(), Outbox(), list[Delivery]()
    team, quiet = ScriptedSink("team", clock, RETRY, SENT), ScriptedSink("quiet", clock)

    async def save() -> None:
        """Do nothing: the outbox is looked at itself."""

    dispatcher = Dispatcher(
        outbox,
        [Route(team, least=Severity.CRITICAL), Route(quiet, notices=False)],
        clock=clock,
        jitter=lambda: 1.0,
        on_settled=save,
        observer=seen.append,
    )
    running = asyncio.create_task(dispatcher.run())
    await settle()
    assert dispatcher.notify([notice(1)]) == 1
    assert dispatcher.notify([notice(1)]) == 1  # the same message: it changes nothing
    await clock.advance(10.0)
    assert team.tried == []
    dispatcher.wake(outbox.mark)
    await clock.advance(10.0)
    assert [message for _, message in team.tried] == [f"{notice(1).id}.1"] * 2
    assert [delivery.outcome for delivery in seen] == ["retry", "sent"]
    assert quiet.tried == []
    running.cancel()
    await asyncio.wait([running])
