"""Greeting, tokens, management, faults and idle time-outs, and what becomes of clients that break the protocol."""

import asyncio

import pytest

from demo.hub import Limits, hs256_token, hs256_verifier
from demo.hub.frames import AMQP_HEADER, SASL, SASL_HEADER, Frame, frame
from demo.hub.messages import section
from demo.hub.performatives import (
    Attach,
    Begin,
    Close,
    End,
    Flow,
    Open,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Source,
    Target,
    Transfer,
)
from tests.demo.hub.client import Client, make_hub, only


async def test_the_greeting_is_the_services() -> None:
    client = Client(make_hub())
    header, mechanisms = client.feed(SASL_HEADER)
    assert header == SASL_HEADER
    assert "ANONYMOUS" in only([mechanisms], SaslMechanisms).mechanisms
    assert [SaslOutcome(0)] == client.feed(frame(0, SaslInit("ANONYMOUS"), kind=SASL))
    assert client.feed(AMQP_HEADER) == [AMQP_HEADER]
    opened = only(client.send(Open("client")), Open)
    assert (opened.max_frame_size, opened.channel_max, opened.idle_time_out) == (65536, 4999, 240_000)
    begun = only(client.send(Begin(None, 0, 10, 10), channel=3), Begin)
    assert (begun.remote_channel, begun.handle_max) == (3, 255)


async def test_nothing_more_is_written_to_a_peer_that_has_vanished() -> None:
    client = Client(make_hub())
    assert client.connection.has_room
    client.wire.broken = True  # a real transport tells of the loss later: what is written meanwhile, it complains of
    assert client.feed(SASL_HEADER) == []
    assert not client.connection.has_room


async def test_a_greeting_without_sasl_is_answered_with_the_right_header_and_a_hang_up() -> None:
    client = Client(make_hub())
    assert client.feed(AMQP_HEADER) == [SASL_HEADER]
    assert client.wire.closed == "closed"


@pytest.mark.parametrize(
    ("mechanism", "secret", "code"),
    [
        ("PLAIN", b"\0RootManageSharedAccessKey\0embedded-hub-key", 0),
        ("PLAIN", b"\0RootManageSharedAccessKey\0wrong", 1),
        ("PLAIN", None, 1),
        ("MSSBCBS", None, 0),
        ("EXTERNAL", None, 1),
    ],
)
async def test_sasl_checks_what_it_is_shown(mechanism: str, secret: bytes | None, code: int) -> None:
    client = Client(make_hub())
    client.feed(SASL_HEADER)
    assert [SaslOutcome(code)] == client.feed(frame(0, SaslInit(mechanism, secret), kind=SASL))
    assert bool(client.wire.closed) == bool(code)


@pytest.mark.parametrize(
    ("data", "condition"),
    [
        (bytes.fromhex("0000000c02000000ffffffff"), "amqp:decode-error"),
        (frame(0, Open("again")), "amqp:illegal-state"),
        (frame(0, Begin(None, 0, 1, 1)), "amqp:not-allowed"),
        (frame(9, Flow(0, 1, 0, 1)), "amqp:not-allowed"),
    ],
)
async def test_a_client_that_breaks_the_protocol_is_closed_with_the_reason(data: bytes, condition: str) -> None:
    client = Client(make_hub()).open()
    closed = only(client.feed(data), Close)
    assert closed.error.condition == condition
    assert client.send(Attach("x", 0, True)) == [], "nothing is answered after a close"
    client.send(Close())
    assert client.wire.closed == "closed"


async def test_a_token_is_accepted_or_refused_with_the_reason() -> None:
    client = Client(make_hub(jwt_verifier=hs256_verifier(b"secret"))).open()
    assert client.sign_in("SharedAccessSignature nonsense")["status-code"] == 401
    assert client.sign_in()["status-code"] == 202
    claims = {"aud": "https://eventhubs.azure.net", "exp": client.hub._broker.clock.now().timestamp() + 60}
    assert client.sign_in(hs256_token(claims, b"secret"), "jwt")["status-code"] == 202
    refused = client.sign_in(hs256_token(claims, b"another"), "jwt")
    assert (refused["status-code"], refused["error-condition"]) == (401, "com.microsoft:auth-failed")
    client.hub.refuse_tokens(500, "Later.")
    assert tuple(client.sign_in()[key] for key in ("status-code", "status-description")) == (500, "Later.")
    client.hub.accept_tokens()
    assert client.sign_in()["status-code"] == 202


async def test_a_handle_that_nobody_attached_ends_the_session_and_not_the_connection() -> None:
    client = Client(make_hub()).open()
    assert only(client.send(Transfer(9, 0, b"", 0)), End).error.condition == "amqp:session:unattached-handle"
    assert only(client.send(Begin(None, 0, 1, 1)), Begin).remote_channel == 0


async def test_management_describes_hub_and_partitions_to_those_who_may() -> None:
    client = Client(make_hub()).open()
    client.send(Attach("in", 1, True, source=Source("$management"), target=Target("me")))
    client.send(Attach("out", 2, False, source=Source("me"), target=Target("$management")))
    client.send(Flow(0, 1000, 0, 1000, 1, 0, 100))
    hub = section(0x74, {"operation": "READ", "type": "com.microsoft:eventhub", "name": "hub"}) + section(0x77, "")
    assert client.ask(2, hub)["status-code"] == 401
    client.sign_in()
    assert client.ask(2, hub)["value"]["partition_ids"] == ["0", "1"]
    for change, status in ({"name": "other"}, 404), ({"partition": "7"}, 400), ({"operation": "DELETE"}, 400):
        wanted = {"operation": "READ", "type": "com.microsoft:partition", "name": "hub", "partition": "0"} | change
        assert client.ask(2, section(0x74, wanted) + section(0x77, ""))["status-code"] == status
    partition = section(0x74, {"operation": "READ", "type": "com.microsoft:partition", "name": "hub", "partition": "0"})
    empty = client.ask(2, partition + section(0x77, ""))["value"]
    assert tuple(list(empty.values())[3:]) == (-1, -1, "-1", 0, True)
    client.hub.append("0", b"x")
    full = client.ask(2, partition + section(0x77, ""))["value"]
    assert (0, 0, "0", int(client.hub._broker.clock.now().timestamp() * 1000), False) == tuple(list(full.values())[3:])


async def test_faults_silence_cut_and_dribble() -> None:
    hub = make_hub()
    client = Client(hub).open()
    hub.faults.silent = True
    assert client.send(Begin(None, 0, 1, 1), channel=1) == []
    hub.faults.silent = False
    hub.faults.dribble = (5, 0.0)
    assert client.send(Begin(None, 0, 1, 1), channel=2) == []
    for _ in range(20):
        await asyncio.sleep(0.001)  # noqa: TID251 - lets the loop's timers run
    assert only(client.read(), Begin).remote_channel == 2
    hub.faults.dribble = None
    hub.faults.cut_after = 3
    client.send(Begin(None, 0, 1, 1), channel=3)
    await asyncio.sleep(0)  # noqa: TID251 - one turn of the loop
    assert client.wire.closed == "aborted"
    assert hub.faults.cut_after is None
    hub.faults.refuse_connections = True
    assert Client(hub).wire.closed == "aborted"


@pytest.mark.parametrize("dribble", [None, (5, 0.0)])
async def test_behind_a_frame_that_was_cut_nothing_comes_any_more(dribble: tuple[int, float] | None) -> None:
    hub = make_hub()
    client = Client(hub).open()
    hub.faults.dribble = dribble
    client.connection.write(b"a frame that is sent whole")
    hub.faults.cut_after = 3
    client.connection.write(b"another")
    client.connection.write(b"and what it has in its buffer")
    await asyncio.sleep(0.01)  # noqa: TID251 - lets the loop's timers run
    assert client.wire.closed == "aborted"
    assert b"a frame that is sent wholeano".startswith(client.wire.data)


async def test_idle_time_outs_are_kept_on_both_sides() -> None:
    client = Client(make_hub(limits=Limits(idle_timeout=60))).open(idle_time_out=30_000)
    client.connection._spoke -= 11
    client.connection._keep_time()
    assert client.read() == [Frame(0, 0, b"")]
    client.connection._heard -= 61
    client.connection._keep_time()
    closed = only(client.read(), Close)
    assert closed.error.description.startswith(
        "The connection was inactive for more than the allowed 60000 milliseconds"
    )


async def test_no_secret_is_in_a_repr() -> None:
    hub = make_hub(key="planted-secret")
    assert "planted-secret" not in repr(hub)
    assert "planted-secret" in hub.connection_string


async def test_a_stream_that_cannot_be_cut_into_frames_is_hung_up_on() -> None:
    client = Client(make_hub()).open()
    closed = only(client.feed(bytes.fromhex("0001000102000000")), Close)
    assert closed.error.condition == "amqp:connection:framing-error"
    assert client.wire.closed == "closed"
