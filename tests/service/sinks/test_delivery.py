"""Outbox, dispatcher and the real sinks together, against receivers that fail first."""

import asyncio
import json
from functools import partial

from service.clock import SystemClock
from service.core.outbox import Outbox
from service.core.ports import Sink
from service.delivery.dispatcher import Delivery, Dispatcher, Route
from service.sinks.slack.sink import SlackSink
from service.sinks.teams.sink import TeamsSink
from service.sinks.webhook.sink import WebhookSink
from tests.fakes.alerts import alert
from tests.fakes.receiver import Reply, posts_to, receiving


async def test_every_sink_gets_every_alert_with_one_id_although_its_receiver_fails_twice() -> None:
    clock, outbox, seen = SystemClock(), Outbox(), list[Delivery]()
    everything_sent = asyncio.Event()
    dumps: list[str] = []

    async def save() -> None:
        dumps.append(json.dumps(outbox.dump()))
        if sum(delivery.outcome == "sent" for delivery in seen) == 4:
            everything_sent.set()

    replies = [Reply(503, headers={"retry-after": "0"}), Reply(0), Reply(200, "ok")]
    async with receiving(replies) as team, receiving(replies) as chat, receiving(replies) as siem:
        sinks: list[Sink] = [
            TeamsSink("team", posts_to(team.url, clock)),
            SlackSink("chat", posts_to(chat.url, clock)),
            WebhookSink("siem", posts_to(siem.url, clock), clock=clock),
        ]
        dispatcher = Dispatcher(
            outbox,
            [Route(sink) for sink in sinks],
            clock=clock,
            jitter=lambda: 0.0,
            on_settled=save,
            observer=seen.append,
        )
        running = asyncio.create_task(dispatcher.run())
        dispatcher.submit([alert(1), alert(2)])
        await save()
        dispatcher.wake(outbox.mark)
        await asyncio.wait_for(everything_sent.wait(), 60)
        assert await dispatcher.flush(10) == 0
        await running
        for sink in sinks:
            await sink.close()
        for receiver, messages in ((team, 1), (chat, 1), (siem, 2)):
            bodies = [heard.body for heard in receiver.heard]
            assert len(bodies) == messages + 2
            assert len(set(bodies)) == messages, "a retry changed what is said"
            assert all(alert(number).id in b"".join(bodies).decode() for number in (1, 2))
    by_id = {delivery.message_id for delivery in seen}
    assert len(by_id) == 4
    assert all(id_ in dumps[0] for id_ in by_id), "the intention was not in the first snapshot"
    restarted = Outbox()
    restarted.load(json.loads(dumps[-1]))
    restarted_due = map(partial(restarted.due, now=clock.now()), ("team", "chat", "siem"))
    assert [list(due) for due in restarted_due] == [[], [], []]
