"""What cannot be delivered goes to the dead letter, whole and without secrets, and holds nothing up."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from service.core.alerting.alerts import Alert
from service.core.outbox import LIFETIME, Outbox, Undeliverable
from service.core.ports import Pace, Receipt, Rendered, Sink
from service.delivery.dispatcher import Delivery, Dispatcher, Route
from service.delivery.undeliverable import UndeliverableWriter, untold
from service.monitoring.http import Health
from service.monitoring.metrics.recorder import Metrics
from service.settings.root import Settings
from service.telemetry import Telemetry
from service.wiring import build_dead_letters, build_undeliverable_writer
from tests.fakes.alerts import alert
from tests.fakes.clock import FakeClock, settle
from tests.fakes.letters import FakeDeadLetterStore
from tests.fakes.sink import FakeSink

SECRET = "pl4ntedSecretPl4nted"


def unredacted(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return entry


class Delivering:
    """A dispatcher with a dead letter."""

    def __init__(
        self, *sinks: Sink, clock: FakeClock, store: FakeDeadLetterStore, outbox: Outbox | None = None
    ) -> None:
        self.outbox = outbox or Outbox()
        self.seen: list[Delivery] = []
        self.counts: list[tuple[int, int]] = []
        writer = UndeliverableWriter(
            store, redact=unredacted, observer=lambda *count: self.counts.append(count), capacity=3
        )
        self.dispatcher = Dispatcher(
            self.outbox,
            [Route(sink) for sink in sinks],
            clock=clock,
            jitter=lambda: 1.0,
            on_settled=self._saved,
            observer=self.seen.append,
            undeliverable=writer,
        )
        self.running = asyncio.ensure_future(self.dispatcher.run())

    async def _saved(self) -> None:
        """Do nothing: no test here restarts."""

    def tell(self, *numbers: int) -> None:
        self.dispatcher.submit([alert(number) for number in numbers])
        self.dispatcher.wake()

    async def end(self) -> None:
        self.running.cancel()
        await asyncio.wait([self.running])


def answering(name: str, receipt: Receipt) -> FakeSink:
    sink = FakeSink(name)
    sink.answer = receipt
    return sink


async def test_what_is_refused_expired_overflowed_or_orphaned_is_kept_whole_with_its_reason() -> None:
    clock = FakeClock()
    store, outbox = FakeDeadLetterStore(clock), Outbox(capacity=2)
    outbox.enqueue("gone", Rendered("a", (("x", 1),), b"orphan", "text/plain"), clock.now())
    chat = answering("chat", Receipt("refused", "http_400"))
    team = answering("team", Receipt("retry", "http_503"))
    delivering = Delivering(chat, team, clock=clock, store=store, outbox=outbox)
    await settle()
    delivering.tell(1)
    await settle()
    delivering.tell(2)
    delivering.tell(3)
    await clock.advance(LIFETIME.total_seconds() + 1)
    await delivering.end()
    kept = sorted((one["sink"], one["fate"], one["reason"], one["message_id"]) for one in store.entries)
    assert kept == [
        ("chat", "refused", "http_400", f"{alert(1).id}.1"),
        ("chat", "refused", "http_400", f"{alert(2).id}.1"),
        ("chat", "refused", "http_400", f"{alert(3).id}.1"),
        ("gone", "orphaned", "", "a"),
        ("team", "expired", "http_503", f"{alert(1).id}.1"),
        ("team", "expired", "http_503", f"{alert(2).id}.1"),
        ("team", "overflowed", "", f"{alert(3).id}.1"),
    ]
    orphan = next(one for one in store.entries if one["fate"] == "orphaned")
    assert orphan == {
        "sink": "gone",
        "fate": "orphaned",
        "reason": "",
        "attempts": 0,
        "message_id": "a",
        "alerts": [["x", 1]],
        "content_type": "text/plain",
        "body": "orphan",
    }
    [told] = [one for one in store.entries if (one["sink"], one["message_id"]) == ("chat", f"{alert(1).id}.1")]
    assert json.loads(str(told["body"])) == json.loads(alert(1).model_dump_json())
    assert {(one.sink, one.outcome) for one in delivering.seen} > {("gone", "orphaned"), ("team", "overflowed")}
    assert delivering.counts[-1] == (7, 0)


def test_what_is_told_by_its_number_alone_is_kept_whole_and_what_is_far_too_much_is_listed() -> None:
    alerts = [alert(number) for number in range(1, 501)]
    entries = [letter.entry() for letter in untold("team", alerts, whole=50)]
    assert [entry["message_id"] for entry in entries[:50]] == [f"{one.id}.1" for one in alerts[:50]]
    assert {str(entry["fate"]) for entry in entries} == {"digested"}
    assert Alert.model_validate_json(str(entries[0]["body"])) == alerts[0]
    listed = [row for entry in entries[50:] for row in cast("list[list[object]]", entry["listed"])]
    assert len(entries) == 53
    assert [row[0] for row in listed] == [one.id for one in alerts[50:]]
    assert listed[0][2:] == [
        alerts[50].actor_id,
        alerts[50].actor_name,
        "high",
        alerts[50].score,
        alerts[50].findings[0].action,
    ]


async def test_what_a_digest_stands_for_and_what_a_message_only_counts_goes_to_the_dead_letter() -> None:
    clock = FakeClock()
    store, writer_counts = FakeDeadLetterStore(clock), list[tuple[int, int]]()
    writer = UndeliverableWriter(store, redact=unredacted, observer=lambda *count: writer_counts.append(count))

    class Hiding(FakeSink):
        def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
            told = tuple((one.id, one.revision) for one in alerts)
            return [Rendered(alerts[0].id, told, b"", hidden=len(alerts) // 2)]

    dispatcher = Dispatcher(
        Outbox(),
        [Route(Hiding("chat"), Pace(at_once=4)), Route(FakeSink("soc"))],
        clock=clock,
        jitter=lambda: 1.0,
        on_settled=settle,
        observer=lambda seen: None,
        undeliverable=writer,
    )
    running = asyncio.ensure_future(dispatcher.run())
    dispatcher.submit([alert(number) for number in range(1, 11)])
    await settle()
    running.cancel()
    await asyncio.wait([running])
    assert [(one["sink"], one["message_id"]) for one in store.entries] == [
        ("chat", f"{alert(number).id}.1") for number in (3, 4, 5, 6, 7, 8, 9, 10)
    ]


async def test_a_dead_letter_that_never_answers_holds_up_no_delivery_and_counts_what_it_has_no_room_for() -> None:
    clock = FakeClock()
    chat, team = answering("chat", Receipt("refused", "http_400")), FakeSink("team")
    store = FakeDeadLetterStore(clock, seconds=1e6)
    delivering = Delivering(chat, team, clock=clock, store=store)
    delivering.tell(1)
    await settle()
    delivering.tell(*range(2, 11))
    await settle()
    assert (len(chat.tried), len(team.taken)) == (10, 10)
    flush = asyncio.ensure_future(delivering.dispatcher.flush(10.0))
    await clock.advance(9)
    assert not flush.done(), "what is left of the time is the dead letter's"
    await clock.advance(1)
    assert await flush == 0
    await delivering.running
    assert store.entries == []


@pytest.mark.parametrize("trouble", ["full", "bug"])
async def test_what_the_dead_letter_does_not_take_is_counted_and_the_next_is_written(trouble: str) -> None:
    clock = FakeClock()
    chat, store = answering("chat", Receipt("refused", "http_400")), FakeDeadLetterStore(clock)
    delivering = Delivering(chat, clock=clock, store=store)
    store.full, store.bug = trouble == "full", ZeroDivisionError(SECRET) if trouble == "bug" else None
    delivering.tell(1)
    await settle()
    assert delivering.counts == [(0, 1)]
    store.full, store.bug = False, None
    delivering.tell(2)
    await settle()
    assert delivering.counts[-1] == (1, 1)
    await delivering.end()


async def test_more_than_waits_for_the_dead_letter_at_once_is_dropped_and_counted() -> None:
    clock, counts = FakeClock(), list[tuple[int, int]]()
    store = FakeDeadLetterStore(clock)
    writer = UndeliverableWriter(store, redact=unredacted, observer=lambda *count: counts.append(count), capacity=3)
    for number in range(5):
        writer.put(Undeliverable("team", Rendered(str(number), (), b""), "expired", "", 0))
    running = asyncio.ensure_future(writer.run())
    await writer.drain()
    running.cancel()
    assert [one["message_id"] for one in store.entries] == ["0", "1", "2"]
    assert counts == [(3, 2)]


async def test_at_the_end_what_is_undeliverable_is_still_written() -> None:
    clock = FakeClock()
    chat, store = answering("chat", Receipt("refused", "http_400")), FakeDeadLetterStore(clock, seconds=3.0)
    delivering = Delivering(chat, clock=clock, store=store)
    await settle()
    delivering.tell(1)
    flush = asyncio.ensure_future(delivering.dispatcher.flush(10.0))
    await clock.advance(3)
    assert await flush == 0
    await delivering.running
    assert len(store.entries) == 1


async def test_the_file_is_beside_the_rejects_and_holds_no_secret(tmp_path: Path) -> None:
    settings = Settings.model_validate({
        "dead_letter": {"path": str(tmp_path / "dead-letter.ndjson")},
        "sinks": {"hook": {"kind": "webhook", "url": f"https://siem.example/{SECRET}"}},
    })  # fmt: skip
    registry = CollectorRegistry()
    telemetry = Telemetry(Metrics(registry, sinks=("hook",)), Health())
    async with AsyncExitStack() as resources:
        letters = build_dead_letters(settings, FakeClock(), resources)
        writer = build_undeliverable_writer(letters, settings, telemetry)
        assert writer is not None
        running = asyncio.ensure_future(writer.run())
        body = json.dumps({"name": f"https://siem.example/{SECRET}", "other": "https://x/?sig=abcdef"}).encode()
        writer.put(Undeliverable("hook", Rendered("a.1", (("a", 1),), body), "refused", "http_400", 1))
        await writer.drain()
        running.cancel()
    [line] = (tmp_path / "dead-letter-undelivered.ndjson").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["sink"], entry["message_id"], entry["fate"], entry["reason"]) == (
        "hook",
        "a.1",
        "refused",
        "http_400",
    )
    assert entry["written"] == FakeClock().now().isoformat(timespec="milliseconds")
    assert json.loads(entry["body"]) == {"name": "[redacted]", "other": "https://x/?sig=[redacted]"}
    labels = {"reason": "undelivered", "result": "written"}
    assert registry.get_sample_value("unwonted_dead_letters_total", labels) == 1


async def test_without_a_dead_letter_nothing_is_built() -> None:
    settings = Settings.model_validate({"dead_letter": {"kind": "none"}})
    async with AsyncExitStack() as resources:
        letters = build_dead_letters(settings, FakeClock(), resources)
    assert letters is None
    telemetry = Telemetry(Metrics(CollectorRegistry()), Health())
    assert build_undeliverable_writer(letters, settings, telemetry) is None


@pytest.mark.parametrize(
    ("name", "undelivered"),
    [("dead-letter.ndjson", "dead-letter-undelivered.ndjson"), ("rejects", "rejects-undelivered.ndjson")],
)
def test_each_dead_letter_has_a_name_of_its_own(name: str, undelivered: str) -> None:
    place = Settings.model_validate({"dead_letter": {"path": f"/state/{name}", "blob": name}}).dead_letter
    assert place.undelivered_path == Path("/state") / undelivered
    assert place.undelivered_blob == undelivered
