"""The sink against the embedded hub, over real AMQP."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.eventhub.exceptions import AuthenticationError, ConnectError, EventHubError
from pydantic import SecretStr, ValidationError

from demo.hub import EmbeddedHub, hs256_token, hs256_verifier
from demo.hub.broker import Limits
from demo.hub.messages import HubMessage
from demo.hub.refusals import Refusal
from service.clock import SystemClock
from service.core.ports import Receipt
from service.settings import Settings, secrets
from service.sinks.event_hub.answers import receipt_of
from service.sinks.event_hub.hub_place import HubPlace
from service.sinks.event_hub.rendering import LARGEST_EVENT, render
from service.sinks.event_hub.settings import EventHubSinkSettings
from service.sinks.event_hub.sink import KEEP_SECONDS, EventHubSink
from tests.fakes.alerts import HOSTILE_NAMES, alert, hostile
from tests.fakes.clock import FakeClock
from tests.fakes.notices import notice, verdict_notice

KEY = "planted-5ecret"
[MESSAGE] = render([alert()])


@contextlib.asynccontextmanager
async def sending_to(
    hub: EmbeddedHub, clock: FakeClock | None = None, seconds: float = 20.0, secret: SecretStr | Path | None = None
) -> AsyncIterator[EventHubSink]:
    place = HubPlace(connection_string=secret or SecretStr(hub.connection_string))
    sink = EventHubSink("events", place, clock=clock or FakeClock(), total_seconds=seconds)
    try:
        yield sink
    finally:
        await sink.close()


def events(hub: EmbeddedHub) -> list[HubMessage]:
    return [message for partition in "0123" for message in hub.messages(partition)]


@pytest.mark.integration
async def test_alerts_and_notices_arrive_as_events_with_an_id_that_never_changes_revisions_in_one_partition() -> None:
    async with EmbeddedHub() as hub, sending_to(hub) as sink:
        told = [*sink.render([alert(), alert(2), alert(revision=2)]), sink.render_notice(notice())]
        told.append(sink.render_notice(verdict_notice(alert=alert().id)))
        for message in (*told, told[0]):
            assert await sink.send(message) == Receipt("sent", "accepted")
        found = events(hub)
        assert sorted(json.loads(one.body)["id"] for one in found) == sorted(
            [*(message.id for message in told), told[0].id]
        )
        assert {one.partition_key for one in found} == {alert().id, alert(2).id, notice().id}
        [place] = [p for p in "0123" if any(one.partition_key == alert().id for one in hub.messages(p))]
        told_of_one = [one for one in hub.messages(place) if one.partition_key == alert().id]
        assert [json.loads(one.body)["id"] for one in told_of_one] == [
            message.id for message in (told[0], told[2], told[4], told[0])
        ]
        assert json.loads(told_of_one[0].body) == json.loads(told[0].body)


@pytest.mark.integration
async def test_what_a_reader_sees_of_an_event_has_its_id_and_its_type() -> None:
    from azure.eventhub.aio import EventHubConsumerClient

    seen: asyncio.Queue[Any] = asyncio.Queue()
    async with EmbeddedHub(partitions=1) as hub, sending_to(hub) as sink:
        assert (await sink.send(MESSAGE)).outcome == "sent"
        async with EventHubConsumerClient.from_connection_string(hub.connection_string, "$Default") as reader:

            async def take(_: Any, event: Any) -> None:
                seen.put_nowait(event)

            reading = asyncio.create_task(reader.receive(take, starting_position="-1"))
            event = await asyncio.wait_for(seen.get(), 60)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    assert (event.message_id, event.content_type) == (MESSAGE.id, MESSAGE.content_type)
    assert b"".join(event.body) == MESSAGE.body


@pytest.mark.integration
async def test_a_managed_identity_signs_in_and_is_let_go_with_the_sink() -> None:
    class Identity:
        closed = False

        async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
            expires = int(SystemClock().now().timestamp()) + 3600
            claims = {"aud": scopes[0].removesuffix("/.default"), "exp": expires}
            return AccessToken(hs256_token(claims, b"secret"), expires)

        async def close(self) -> None:
            self.closed = True

        async def __aenter__(self) -> "Identity":
            return self

        async def __aexit__(self, *_: object) -> None:
            await self.close()

    async with EmbeddedHub(jwt_verifier=hs256_verifier(b"secret")) as hub:
        identity = Identity()
        place = HubPlace(f"127.0.0.1:{hub.port}", hub.name, tls=False)
        sink = EventHubSink("events", place, clock=FakeClock(), credential=identity)
        assert (await sink.send(MESSAGE)).outcome == "sent"
        await sink.close()
        assert len(events(hub)) == 1
        assert identity.closed


@pytest.mark.integration
async def test_what_the_hub_refuses_means_what_it_should_and_does_not_stay_with_the_connection() -> None:
    async with EmbeddedHub() as hub, sending_to(hub) as sink:
        hub.faults.server_busy = True
        assert await sink.send(MESSAGE) == Receipt("retry", "throttled")
        hub.faults.server_busy = False
        for condition, expected in (
            ("amqp:resource-limit-exceeded", Receipt("retry", "throttled")),
            ("amqp:not-found", Receipt("broken", "hub_not_found")),
            ("amqp:unauthorized-access", Receipt("broken", "not_authorized")),
            ("com.microsoft:entity-disabled", Receipt("broken", "hub_disabled")),
            ("amqp:internal-error", Receipt("retry", "connection")),
        ):
            hub.faults.refuse_links = Refusal(condition, "no")
            assert await sink.send(MESSAGE) == expected
        hub.faults.refuse_links = None
        assert (await sink.send(MESSAGE)).outcome == "sent"
        hub.faults.server_busy = True
        assert await sink.send(MESSAGE) == Receipt("retry", "throttled"), "on a link that was open"
        hub.faults.server_busy = False
        await hub.go_offline()
        assert await sink.send(MESSAGE) == Receipt("retry", "connection")
        await hub.go_online()
        assert (await sink.send(MESSAGE)).outcome == "sent"


@pytest.mark.integration
async def test_a_message_that_the_hub_has_no_room_for_is_refused_and_every_alert_has_room_in_a_basic_one() -> None:
    large = max((hostile(name) for name in HOSTILE_NAMES.values()), key=lambda one: len(render([one])[0].body))
    [message] = render([large.model_copy(update={"findings": large.findings * 200})])
    assert len(message.body) <= LARGEST_EVENT
    async with EmbeddedHub(limits=Limits(max_message_size=256 * 1024)) as hub, sending_to(hub) as sink:
        assert (await sink.send(message)).outcome == "sent"
        whole = message._replace(body=b"x" * 256 * 1024)
        assert await sink.send(whole) == Receipt("refused", "too_large")
        assert (await sink.send(MESSAGE)).outcome == "sent"


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_hub_that_says_nothing_is_not_waited_for() -> None:
    async with EmbeddedHub() as hub, sending_to(hub, seconds=0.5) as sink:
        hub.faults.silent = True
        assert await sink.send(MESSAGE) == Receipt("retry", "timeout")
        hub.faults.silent = False
        sink._total_seconds = 20.0
        assert (await sink.send(MESSAGE)).outcome == "sent"


@pytest.mark.integration
async def test_a_burst_shares_a_connection_and_an_old_one_is_not_trusted() -> None:
    clock = FakeClock()
    async with EmbeddedHub() as hub, sending_to(hub, clock) as sink:
        for _ in range(3):
            assert (await sink.send(MESSAGE)).outcome == "sent"
        first = sink._producer
        await clock.advance(KEEP_SECONDS + 1)
        assert (await sink.send(MESSAGE)).outcome == "sent"
        assert sink._producer is not first
        assert len(events(hub)) == 4


@pytest.mark.integration
async def test_the_connection_string_is_read_again_and_is_in_no_log_error_or_receipt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "connection"
    async with EmbeddedHub(key=KEY) as hub, sending_to(hub, secret=file) as sink:
        receipts = [await sink.send(MESSAGE)]
        for text in (KEY, hub.connection_string.replace(KEY, f"wrong-{KEY}"), hub.connection_string):
            file.write_text(text + "\n")
            receipts.append(await sink.send(MESSAGE))
        said = "\n".join([*map(str, receipts), repr(sink), repr(vars(sink))])
    assert receipts == [
        Receipt("retry", "connection_string_unreadable"),
        Receipt("broken", "connection_string_invalid"),
        Receipt("broken", "not_authorized"),
        Receipt("sent", "accepted"),
    ]
    assert KEY not in said + "\n".join(record.getMessage() for record in caplog.records)


async def test_a_connection_on_which_the_sdk_fails_for_no_known_reason_is_not_used_again() -> None:
    class Failing:
        async def create_batch(self, **_: object) -> None:
            raise AttributeError("of a session that is gone")

        async def close(self) -> None:
            raise AttributeError("of a session that is gone")

    sink = EventHubSink("events", HubPlace("x.example", "alerts"), clock=FakeClock())
    failing: Any = Failing()
    sink._producer = failing
    with pytest.raises(AttributeError):
        await sink.send(MESSAGE)
    assert await sink.send(MESSAGE) == Receipt("broken", "connection_string_invalid"), "it wanted a new one"


async def test_without_a_way_to_sign_in_nothing_is_sent() -> None:
    sink = EventHubSink("events", HubPlace("x.example", "alerts"), clock=FakeClock())
    assert await sink.send(MESSAGE) == Receipt("broken", "connection_string_invalid")


def test_what_stands_behind_an_error_of_the_sdk_decides() -> None:
    def behind(error: Exception, cause: BaseException | None) -> Exception:
        error.__cause__ = cause
        return error

    assert receipt_of(behind(AuthenticationError("x"), ClientAuthenticationError("no token"))).reason == "entra_token"
    assert receipt_of(AuthenticationError("x")) == Receipt("broken", "not_authorized")
    assert receipt_of(behind(ConnectError("x"), TimeoutError())) == Receipt("retry", "timeout")
    assert receipt_of(EventHubError("x")) == Receipt("retry", "connection")


GIVEN: dict[str, Any] = {"namespace": "contoso.servicebus.windows.net", "hub": "alerts"}
STRING = f"Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey={KEY}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "needs exactly one of namespace, connection_string and connection_string_file"),
        ({**GIVEN, "connection_string_file": "/x"}, "needs exactly one of"),
        ({"namespace": "contoso.servicebus.windows.net"}, "needs hub beside namespace"),
        ({"namespace": "sb://contoso", "hub": "a"}, "should be a host alone"),
        ({"connection_string": KEY}, "should look like Endpoint"),
        ({"connection_string": STRING}, "names no hub"),
    ],
)
def test_what_cannot_be_sent_to_is_refused_and_not_repeated(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as refusal:
        EventHubSinkSettings.model_validate(given)
    assert KEY not in str(refusal.value)


def test_files_that_cannot_be_used_are_told_and_where_events_go_is_known(tmp_path: Path) -> None:
    file = tmp_path / "connection"
    settings = EventHubSinkSettings.model_validate({"connection_string_file": str(file), "ca_file": str(file)})
    missing, authority = settings.file_problems()
    assert "No such file" in missing
    assert "No such file" in authority
    assert settings.destination() == ""
    file.write_text(STRING)
    assert "names no hub" in settings.file_problems()[0]
    assert "holds no certificate" in settings.file_problems()[1]
    assert settings.destination() == "contoso.servicebus.windows.net"
    assert EventHubSinkSettings.model_validate(GIVEN).destination() == "contoso.servicebus.windows.net"


def test_a_connection_string_is_masked_in_logs_wherever_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "connection").write_text(STRING)
    for kept in (
        {"connection_string": f"{STRING};EntityPath=a"},
        {"connection_string_file": str(tmp_path / "connection")},
    ):
        assert KEY in set(secrets(Settings.model_validate({"sinks": {"events": {"kind": "event_hub", **kept}}})))


@pytest.mark.parametrize("read", [GIVEN, {"connection_string": f"{STRING};EntityPath=Alerts"}])
@pytest.mark.parametrize("sent", [GIVEN, {"connection_string": STRING, "hub": "ALERTS"}])
def test_alerts_cannot_be_sent_to_the_hub_that_is_read(read: dict[str, Any], sent: dict[str, Any]) -> None:
    sink = {"kind": "event_hub", **sent}
    with pytest.raises(ValidationError, match="should not send to the Event Hub that is read"):
        Settings.model_validate({"event_hub": read, "sinks": {"events": sink}})
    Settings.model_validate({"event_hub": {**read, "hub": "activity-log"}, "sinks": {"events": sink}})
    Settings.model_validate({"event_hub": read, "sinks": {"events": {**sink, "enabled": False}}})
