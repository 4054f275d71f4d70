"""Who is told what an alert was found to be, and after what."""

import asyncio

from models.statistics.scoring import Severity
from service.core.outbox import Outbox
from service.core.ports import Receipt
from service.delivery.dispatcher import Dispatcher, Route
from tests.fakes.alerts import alert
from tests.fakes.clock import FakeClock, settle
from tests.fakes.notices import verdict_notice
from tests.service.delivery.test_dispatcher import ScriptedSink, Service


async def test_a_verdict_goes_after_its_alert_to_whoever_was_told_of_that_and_wants_to_know() -> None:
    clock, outbox = FakeClock(), Outbox()
    team, pager, machine = (ScriptedSink(name, clock) for name in ("team", "pager", "machine"))

    async def save() -> None:
        """Do nothing: the outbox is looked at itself."""

    dispatcher = Dispatcher(
        outbox,
        [Route(team, notices=False), Route(pager, least=Severity.CRITICAL), Route(machine, verdicts=False)],
        clock=clock,
        jitter=lambda: 1.0,
        on_settled=save,
        observer=lambda delivery: None,
    )
    running = asyncio.create_task(dispatcher.run())
    await settle()
    high = alert(severity=Severity.HIGH)
    found = verdict_notice(alert=high.id, severity=high.severity)
    assert dispatcher.notify([found]) == 1
    dispatcher.submit([high])
    dispatcher.notify([found])
    dispatcher.wake(outbox.mark)
    await clock.advance(10.0)
    assert [message for _, message in team.tried] == [f"{high.id}.1", f"{found.id}.1"]
    assert pager.tried == []
    assert [message for _, message in machine.tried] == [f"{high.id}.1"]
    running.cancel()
    await asyncio.wait([running])


async def test_a_receiver_that_was_away_hears_of_the_alert_before_it_hears_that_it_is_closed() -> None:
    clock = FakeClock()
    away = Receipt("retry", "http_503")
    pager = ScriptedSink("pager", clock, away, away, away, Receipt("sent", "http_200"))
    service = Service(pager, clock=clock)
    high = alert(severity=Severity.HIGH)
    found = verdict_notice(alert=high.id, severity=high.severity)
    async with service.running():
        service.tell(high)
        await clock.advance(1.0)
        service.dispatcher.notify([found])
        service.dispatcher.wake(service.outbox.mark)
        await clock.advance(600.0)
    assert [message for _, message in pager.tried] == [f"{high.id}.1"] * 4 + [f"{found.id}.1"]
