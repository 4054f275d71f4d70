"""What a sink can make no message of costs itself, for that sink alone: neither an evaluation nor the service."""

from collections.abc import Sequence

from service.core.alerting.alerts import Alert
from service.core.notices import AnyNotice
from service.core.ports import ALERT, NOTICE, Rendered
from service.core.verdicts.follow_up import VerdictNotice
from service.delivery.undeliverable import UndeliverableWriter
from tests.fakes.alerts import alert
from tests.fakes.clock import FakeClock
from tests.fakes.letters import FakeDeadLetterStore
from tests.fakes.notices import notice, verdict_notice
from tests.service.delivery.test_dispatcher import ScriptedSink, Service


class ChokingSink(ScriptedSink):
    """Can make no message of what is called as it chokes on."""

    def __init__(self, name: str, clock: FakeClock, chokes_on: str) -> None:
        super().__init__(name, clock)
        self._chokes_on = chokes_on

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        if any(one.actor_name == self._chokes_on for one in alerts):
            raise KeyError("a name that is in no log: hunter2")
        return super().render(alerts)

    def render_notice(self, notice: AnyNotice) -> Rendered:
        if isinstance(notice, VerdictNotice) and notice.actor_name == self._chokes_on:
            raise KeyError("a name that is in no log: hunter2")
        return super().render_notice(notice)


async def test_what_a_sink_can_make_no_message_of_costs_itself_and_is_in_the_dead_letter() -> None:
    clock = FakeClock()
    letters = FakeDeadLetterStore(clock)
    sinks = [ChokingSink("choking", clock, "\ud800"), ScriptedSink("fine", clock)]
    writer = UndeliverableWriter(letters, redact=lambda entry: entry, observer=lambda *counts: None)
    service = Service(*sinks, clock=clock, undeliverable=writer)
    told = [alert(1), alert(2, actor_name="\ud800"), alert(3)]
    async with service.running():
        service.dispatcher.notify([verdict_notice(actor_name="\ud800"), notice(1)])
        service.tell(*told)
        await clock.advance(1)
        await writer.drain()
    known = [one.id for one in told]
    assert {message for _, message in sinks[0].tried} == {f"{id_}.1" for id_ in (known[0], known[2], notice(1).id)}
    assert {message for _, message in sinks[1].tried} == {
        f"{id_}.1" for id_ in (*known, notice(1).id, verdict_notice().id)
    }
    given_up = [one for one in service.seen if one.outcome != "sent"]
    assert [(one.sink, one.outcome, one.reason) for one in given_up] == [("choking", "refused", "bug_KeyError")] * 2
    assert "hunter2" not in str((service.seen, letters.entries))
    assert {str(one["message_id"]) for one in letters.entries} == {f"{known[1]}.1", f"{verdict_notice().id}.1"}
    assert {str(one["content_type"]) for one in letters.entries} == {ALERT, NOTICE}
