"""What the console is told of the running service: how far it has read, who is told, what is in force."""

from pathlib import Path
from typing import Any

import pytest

from demo.receiver import Receiver
from service.core.alerting.suppressions import Suppression, Suppressions
from service.core.engine.inspection import Imagined
from service.core.messages import EndOffset, Message
from service.core.outbox import Outbox
from service.core.ports import Receipt, Rendered
from service.monitoring.metrics.live import BesideReading
from service.settings.root import Settings
from service.storage.generations import FileGenerations
from service.wiring.engine import build_engine
from service.wiring.recording import beside_reading
from service.wiring.running import Running
from tests.fakes.clock import MONDAY_MORNING, FakeClock
from tests.service.history.seen import BOB, HOUR, event

NOW = MONDAY_MORNING


def running(
    sinks: dict[str, Any], outbox: Outbox, end_offsets: dict[str, EndOffset], kept: FileGenerations | None = None
) -> Running:
    settings = Settings.model_validate({"sinks": sinks, "alerting": {"alerts_per_day": 5}})
    engine = build_engine(settings)
    engine.expect(["1"])
    engine.begin(NOW - HOUR)
    engine.apply(Message("1", 7, "7", NOW, b""), [event(0, "b/read", BOB)])
    engine.idle("1", 7, NOW + 9 * HOUR)
    entry = Suppression("ann", "", "", "", NOW, NOW.replace(year=2027), "on call", "dba", False)
    engine.suppress(Suppressions([entry]))
    return Running(settings, engine, outbox, FakeClock(), lambda: end_offsets, kept)


def test_each_partition_has_what_it_is_behind_as_far_as_anybody_knows() -> None:
    ends = {one: EndOffset(one, number, NOW, NOW) for one, number in (("1", 9), ("10", -1), ("2", 4))}
    found = running({}, Outbox(), ends).live().partitions
    assert [tuple(one) for one in found] == [("1", 2, NOW), ("2", 5, None), ("10", 0, None)]
    assert [tuple(one) for one in running({}, Outbox(), {}).live().partitions] == [("1", None, NOW)]


def test_each_enabled_sink_has_what_waits_for_it_and_why_it_takes_nothing() -> None:
    outbox = Outbox()
    outbox.enqueue("chat", Rendered("m1", (("a", 1),), b"{}"), NOW)
    outbox.confirm()
    outbox.record("chat", "m1", Receipt("broken", "http_404"), NOW, 0.5)
    sinks = {"chat": {"kind": "stdout"}, "aside": {"kind": "stdout", "enabled": False}, "log": {"kind": "stdout"}}
    found = running(sinks, outbox, {}).live().sinks
    assert [tuple(one) for one in found] == [("chat", "stdout", 1, NOW, "http_404"), ("log", "stdout", 0, None, "")]


async def test_thresholds_suppressions_and_generations_are_those_in_force(tmp_path: Path) -> None:
    kept = FileGenerations(tmp_path, 7)
    live = running({}, Outbox(), {}, kept).live()
    assert live.in_force.alerts_per_day == 5.0
    assert live.in_force.thresholds["rare_action"] > 0.0
    assert [one.actor for one in live.suppressions] == ["ann"]
    await kept.keep(NOW.date(), b"x")
    assert live.kept_now is not None
    assert await live.kept_now() == [f"snapshot.daily-{NOW.date()}.ndjson.gz"]
    assert running({}, Outbox(), {}).live().kept_now is None


def test_what_an_identity_might_do_is_judged_if_the_state_remembers_it() -> None:
    live = running({}, Outbox(), {}).live()
    assert live.what_if is not None
    assert live.what_if("nobody", Imagined("a/b")) is None
    found = live.what_if(BOB.id, Imagined("microsoft.keyvault/vaults/delete", hour=3))
    assert found is not None
    assert (found.actor, found.time.hour) == (BOB, 3)


@pytest.mark.integration
async def test_a_test_message_is_sent_and_what_became_of_it_is_said() -> None:
    async with Receiver(clock=FakeClock()) as receiver:
        hook = {"kind": "webhook", "url": receiver.webhook_url, "allow_private": True}
        live = running({"hook": hook}, Outbox(), {}).live()
        assert live.send_sample is not None
        assert await live.send_sample("hook") == (True, "sent to 127.0.0.1 (http_200)")
        assert len(receiver.of("webhook")) == 1


def test_of_what_there_is_none_metrics_say_nothing() -> None:
    assert beside_reading(None, None, None) == BesideReading()
