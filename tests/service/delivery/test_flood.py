"""A thousand alerts at once, perhaps made up to bury one: what is told first, what as a number, what makes room."""

from functools import partial

from models.statistics.scoring import Severity
from models.stream.steps import finish
from service.core.alerting.alerts import Alert
from service.core.outbox import Outbox
from service.core.ports import Pace, Receipt, Rendered
from service.delivery.dispatcher import Dispatcher, Route
from tests.fakes.alerts import alert
from tests.fakes.clock import FakeClock, settle
from tests.fakes.sink import FakeSink
from tests.service.delivery.test_dispatcher import RETRY, SENT, ScriptedSink, Service, alerts


async def test_a_flood_does_not_drown_what_is_more_severe_whenever_that_comes() -> None:
    clock = FakeClock()
    team = ScriptedSink("team", clock)
    service = Service(team, clock=clock, outbox=Outbox(capacity=100), pace=Pace(20.0, at_once=50))
    flood = [alert(number, score=60.0, severity=Severity.LOW) for number in range(2, 1_202)]
    real = alert(1, score=91.0, severity=Severity.HIGH)
    async with service.running():
        for start in range(0, 1_200, 300):
            service.dispatcher.submit([*flood[start : start + 150], *([real] if start == 600 else []), *flood[150:300]])
        service.dispatcher.wake()
        await clock.advance(60.0)
    assert team.tried[0][1] == f"{real.id}.1"
    assert {seen.outcome for seen in service.seen} == {"sent", "overflowed"}


def _note_count(counts: list[int], sink: str, count: int) -> None:
    assert sink == "team"
    counts.append(count)


async def test_more_alerts_than_are_told_at_once_are_told_as_a_digest_under_the_same_id_after_a_restart() -> None:
    clock = FakeClock()
    rendered = []
    for _ in range(2):
        outbox, digested = Outbox(), list[int]()
        dispatcher = Dispatcher(
            outbox,
            [Route(FakeSink("team"), Pace(at_once=10))],
            clock=clock,
            jitter=lambda: 1.0,
            on_settled=settle,
            observer=lambda seen: None,
            on_digested=partial(_note_count, digested),
        )
        assert dispatcher.submit(alerts(1_150)[::-1]) == 11
        outbox.confirm()
        rendered.append(outbox.due("team", clock.now()))
        assert digested == [1_140]
    assert rendered[0] == rendered[1]
    told = [Alert.model_validate_json(message.body) for message in rendered[0]]
    assert [one.id for one in told[:10]] == [one.id for one in alerts(10)]
    assert (told[10].identity_count, told[10].operation) == (1_140, "")
    assert told[10].identities[0] == alert(11).actor_name
    assert told[10].score == alert(11).score


async def test_one_alert_too_many_is_told_and_is_no_digest() -> None:
    clock = FakeClock()
    service = Service(FakeSink("team"), clock=clock, pace=Pace(at_once=10))
    assert service.dispatcher.submit(alerts(11)) == 11
    assert all(one.identity_count == 0 for one in alerts(11))


async def test_many_alerts_are_rendered_in_steps_and_the_end_of_them_is_as_good_as_none() -> None:
    clock = FakeClock()
    service = Service(FakeSink("team"), clock=clock)
    steps = service.dispatcher.submit_steps(alerts(300))
    next(steps)
    assert 0 < service.outbox.waiting("team") < 300
    assert finish(steps) == 300


async def test_a_message_that_is_never_taken_holds_up_no_less_urgent_one() -> None:
    clock = FakeClock()
    poison = alert(1)

    class Choosy(ScriptedSink):
        async def send(self, message: Rendered) -> Receipt:
            await super().send(message)
            return RETRY if message.id == f"{poison.id}.1" else SENT

    team = Choosy("team", clock)
    service = Service(team, clock=clock)
    async with service.running():
        service.tell(*alerts(30))
        await clock.advance(600.0)
    assert {id_ for _, id_ in team.tried} == {f"{one.id}.1" for one in alerts(30)}
    assert service.outbox.waiting("team") == 1


async def test_revisions_of_one_alert_go_out_in_their_order_also_when_the_later_is_more_severe() -> None:
    clock = FakeClock()
    team = ScriptedSink("team", clock)
    service = Service(team, clock=clock)
    async with service.running():
        service.dispatcher.submit([alert(1, score=60.0, severity=Severity.LOW), alert(2, score=70.0)])
        service.dispatcher.submit([alert(1, revision=2, score=99.0, severity=Severity.CRITICAL)])
        service.dispatcher.wake()
        await clock.advance(10.0)
    assert [id_ for _, id_ in team.tried] == [f"{alert(1).id}.1", f"{alert(1).id}.2", f"{alert(2).id}.1"]
