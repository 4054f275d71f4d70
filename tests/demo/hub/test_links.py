"""Readers and producers: credit, windows, places, refusals, tokens that expire."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.hub import Limits, Refusal
from demo.hub.codec import decode
from demo.hub.messages import section
from demo.hub.performatives import Attach, Detach, Disposition, Flow, Source, Target, Transfer
from demo.hub.primitives import Array, Symbol
from tests.demo.hub.client import READER, Client, bodies, make_hub, only
from tests.demo.hub.values import values
from tests.fakes.clock import FakeClock, settle


async def test_without_a_token_no_link_to_events_is_opened() -> None:
    client = Client(make_hub()).open()
    attached, detached = client.attach_reader()
    assert attached.source is None
    assert detached.error.condition == "amqp:unauthorized-access"
    assert detached.error.description.startswith("Unauthorized access. 'Listen' claim(s) are required")


async def test_events_flow_as_far_as_credit_goes_and_go_on_with_more() -> None:
    client = Client(make_hub()).open()
    client.sign_in()
    for number in range(6):
        client.hub.append("0", b"%d" % number)
    assert only(client.attach_reader(), Attach).initial_delivery_count == 0
    assert bodies(client.send(Flow(0, 1000, 0, 1000, 0, 0, 4))) == [b"0", b"1", b"2", b"3"]
    assert bodies(client.send(Flow(0, 1000, 0, 1000, 0, 2, 3))) == [b"4"], "the flow was sent after two deliveries"
    client.hub.append("0", b"6")
    await settle()
    assert client.read() == []
    drained = client.send(Flow(0, 1000, 0, 1000, 0, 5, 9, drain=True))
    assert bodies(drained) == [b"5", b"6"]
    assert (drained[-1].delivery_count, drained[-1].link_credit) == (14, 0)


async def test_a_reader_is_told_of_new_events_once_for_all_of_them() -> None:
    client = Client(make_hub()).open()
    client.sign_in()
    client.attach_reader(selector="amqp.annotation.x-opt-offset > '@latest'")
    client.send(Flow(0, 1000, 0, 1000, 0, 0, 100))
    for number in range(3):
        client.hub.append("0", b"%d" % number)
    assert client.read() == []
    await settle()
    assert bodies(client.read()) == [b"0", b"1", b"2"]


async def test_a_message_larger_than_the_window_continues_when_the_window_opens() -> None:
    client = Client(make_hub()).open(max_frame_size=512)
    client.sign_in()
    client.hub.append("0", b"x" * 3000)
    client.hub.append("0", b"y")
    client.attach_reader()
    sent = client.send(Flow(1, 2, 0, 1000, 0, 0, 100))
    assert [transfer.more for transfer, _ in sent] == [True, True]
    rest = client.send(Flow(3, 1000, 0, 1000))
    assert [transfer.more for transfer, _ in rest] == [True] * 4 + [False, False]
    whole = b"".join(payload for _, payload in sent + rest[:-1])
    assert whole.endswith(b"x" * 3000)


async def test_a_slow_socket_stops_the_events_until_it_has_room() -> None:
    client = Client(make_hub()).open()
    client.sign_in()
    client.hub.append("0", b"1")
    client.attach_reader()
    client.connection.pause_writing()
    assert client.send(Flow(0, 1000, 0, 1000, 0, 0, 100)) == []
    client.connection.resume_writing()
    assert bodies(client.read()) == [b"1"]


async def test_runtime_metrics_ride_on_every_event_when_asked_for() -> None:
    client = Client(make_hub()).open()
    client.sign_in()
    for _ in range(2):
        client.hub.append("0", b"1")
    wanted = Array([Symbol("com.microsoft:enable-receiver-runtime-metric")])
    client.attach_reader(desired_capabilities=wanted)
    for _, payload in client.send(Flow(0, 1000, 0, 1000, 0, 0, 100)):
        annotations, _ = decode(payload)
        assert annotations.value["last_enqueued_sequence_number"] == 1
        assert annotations.value["last_enqueued_offset"] == client.hub.messages("0")[1].offset


@pytest.mark.parametrize(
    ("address", "selector", "condition"),
    [
        ("hub/ConsumerGroups/nobody/Partitions/0", "", "amqp:not-found"),
        ("hub/ConsumerGroups/$Default/Partitions/2", "", "com.microsoft:argument-out-of-range"),
        ("hub/Partitions/0", "", "amqp:not-found"),
        (READER, "amqp.annotation.x-opt-offset > '5'", "com.microsoft:argument-error"),
        (READER, "price > 5", "amqp:invalid-field"),
        ("other/ConsumerGroups/$Default/Partitions/0", "", "amqp:unauthorized-access"),
    ],
)
async def test_a_link_that_cannot_be_is_attached_without_source_and_detached(
    address: str, selector: str, condition: str
) -> None:
    client = Client(make_hub()).open()
    client.sign_in()
    attached, detached = client.attach_reader(address=address, selector=selector)
    assert attached.source is None
    assert (True, condition) == (detached.closed, detached.error.condition)
    client.send(Detach(0, closed=True))
    assert only(client.attach_reader(), Attach).source is not None, "the handle is free again"


def epoch(level: int) -> dict[Any, Any]:
    return {Symbol("com.microsoft:epoch"): level}


async def test_an_equal_or_higher_level_takes_the_place_and_a_lower_one_is_refused() -> None:
    hub = make_hub()
    clients = [Client(hub).open() for _ in range(4)]
    for client in clients:
        client.sign_in()
    clients[0].attach_reader(properties=epoch(1))
    assert clients[1].attach_reader(properties=epoch(0))[1].error.condition == "amqp:link:stolen"
    assert "'nil' with a higher epoch of '1' already exists" in clients[2].attach_reader()[1].error.description
    assert only(clients[3].attach_reader(properties=epoch(1)), Attach).source is not None
    lost = only(clients[0].read(), Detach)
    assert lost.error.condition == "amqp:link:stolen"
    assert "with higher epoch of '1' is created hence current receiver 'nil' with epoch '1'" in lost.error.description
    assert hub.readers == [("$default", "0", 1)]


async def test_five_readers_without_a_level_share_a_partition_and_no_more_until_one_leaves() -> None:
    hub = make_hub()
    client = Client(hub).open()
    client.sign_in()
    for handle in range(5):
        client.attach_reader(handle)
    refused = client.attach_reader(5)[1].error
    assert refused.condition == "amqp:resource-limit-exceeded"
    assert "which is 5. List of connected receivers - nil, nil, nil, nil, nil." in refused.description
    assert client.send(Detach(3, closed=True)) == [Detach(3, closed=True)]
    assert only(client.attach_reader(3), Attach).source is not None
    another = Client(hub).open()
    another.sign_in()
    another.attach_reader(properties=epoch(0))
    assert len([item for item in client.read() if isinstance(item, Detach)]) == 5


async def test_a_reader_whose_connection_is_lost_leaves_its_place() -> None:
    hub = make_hub()
    client = Client(hub).open()
    client.sign_in()
    client.attach_reader()
    assert (hub.connections, len(hub.readers)) == (1, 1)
    await hub.drop_connections()
    assert (hub.connections, len(hub.readers)) == (0, 0)
    hub.append("0", b"nobody listens")


def attach_producer(client: Client, address: str = "hub/Partitions/0") -> list[Any]:
    return client.send(Attach("producer", 0, False, source=Source("me"), target=Target(address)))


async def test_a_producer_gets_credit_and_its_messages_are_settled_one_by_one() -> None:
    client = Client(make_hub(limits=Limits(link_credit=4))).open()
    client.sign_in()
    assert only(attach_producer(client), Flow).link_credit == 4
    answers = []
    for number in range(3):
        answers += client.send(Transfer(0, number, b"%d" % number, 0), section(0x75, b"%d" % number))
    assert [(n, True) for n in range(3)] == [(a.first, a.settled) for a in answers if isinstance(a, Disposition)]
    assert [(a.delivery_count, a.link_credit) for a in answers if isinstance(a, Flow)] == [(2, 4)]
    assert [message.body for message in client.hub.messages("0")] == [b"0", b"1", b"2"]


async def test_a_message_comes_in_several_frames_and_an_aborted_one_does_not_come() -> None:
    client = Client(make_hub()).open()
    client.sign_in()
    attach_producer(client)
    payload = section(0x75, b"x" * 300)
    client.send(Transfer(0, 0, b"0", 0, settled=True, more=True), payload[:100])
    assert client.send(Transfer(0, settled=True, more=False), payload[100:]) == []
    client.send(Transfer(0, 1, b"1", 0, more=True), payload[:100])
    client.send(Transfer(0, aborted=True), b"")
    assert [message.body for message in client.hub.messages("0")] == [b"x" * 300]


async def test_too_much_is_refused_by_size_by_credit_and_by_form() -> None:
    client = Client(make_hub(limits=Limits(max_message_size=1000, link_credit=2))).open()
    client.sign_in()
    assert only(attach_producer(client), Attach).max_message_size == 1000
    rejected = only(client.send(Transfer(0, 0, b"0", 0), b"\x40"), Disposition)
    assert rejected.state.error.condition == "amqp:decode-error"
    over = only(client.send(Transfer(0, 1, b"1", 0), section(0x75, b"x" * 1000)), Detach)
    assert over.error.condition == "amqp:link:message-size-exceeded"
    assert client.send(Transfer(0, 2, b"2", 0), b"") == [], "what was under way when the link ended is dropped"
    client.hub.faults.server_busy = True
    assert attach_producer(client)[1].error.condition == "com.microsoft:server-busy"
    assert client.hub.messages("0") == []


async def test_an_expired_token_ends_the_links_that_it_opened() -> None:
    clock = FakeClock()
    client = Client(make_hub(clock=clock)).open()
    client.sign_in()
    client.attach_reader()
    await clock.advance(3601)
    client.connection._keep_time()
    ended = only(client.read(), Detach)
    assert ended.error.condition == "amqp:link:detach-forced"
    assert "Code: RenewToken" in ended.error.description


async def test_a_refused_token_ends_the_links_and_a_fault_refuses_new_ones() -> None:
    client = Client(make_hub()).open()
    client.sign_in()
    client.attach_reader()
    client.hub.refuse_tokens()
    assert only(client.read(), Detach).error.condition == "amqp:link:detach-forced"
    client.hub.accept_tokens()
    client.sign_in()
    client.hub.faults.refuse_links = Refusal("amqp:internal-error", "Oh.")
    assert only(client.attach_reader(1), Detach).error.condition == "amqp:internal-error"


async def test_a_recreated_hub_is_empty_and_refuses_the_old_positions() -> None:
    client = Client(make_hub()).open()
    client.sign_in()
    for _ in range(3):
        client.hub.append("0", b"x")
    old = client.hub.messages("0")[2].offset
    client.attach_reader()
    client.hub.recreate()
    assert only(client.read(), Detach).error.condition == "amqp:not-found"
    client.send(Detach(0, closed=True))
    refused = client.attach_reader(selector=f"amqp.annotation.x-opt-offset > '{old}'")[1].error
    assert refused.description.startswith(
        f"The supplied offset '{old}' is invalid. The last offset in the system is '-1'"
    )


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0x6F, 0x79), values), max_size=4), st.sampled_from([0, 0x80013700]))
async def test_a_message_of_anything_is_stored_or_rejected_and_the_link_lives(
    sections: list[tuple[int, Any]], message_format: int
) -> None:
    client = Client(make_hub()).open()
    client.sign_in()
    attach_producer(client)
    payload = b"".join(section(descriptor, value) for descriptor, value in sections)
    answer = only(client.send(Transfer(0, 0, b"0", message_format), payload), Disposition)
    assert answer.settled
    client.attach_reader(5)
    assert len(bodies(client.send(Flow(0, 1000, 0, 1000, 5, 0, 100)))) == len(client.hub.messages("0"))


@settings(max_examples=40)
@given(st.data())
async def test_a_client_of_any_kind_is_answered_or_closed_and_never_breaks_the_hub(data: st.DataObject) -> None:
    client = Client(make_hub()).open()
    client.sign_in()
    attach_producer(client)
    client.attach_reader(5)
    numbers = st.integers(0, 6)
    flags = st.booleans()
    filters = st.dictionaries(st.text(max_size=2), values, max_size=2)
    levels = st.dictionaries(st.just("com.microsoft:epoch"), values)
    sources = st.tuples(values, filters).map(lambda pair: Source(pair[0], filter=pair[1]))
    anything = st.one_of(
        st.tuples(*[numbers] * 7).map(lambda fields: Flow(*fields)._replace(drain=True, echo=True)),
        st.tuples(st.none(), *[numbers] * 3).map(lambda fields: Flow(*fields)),
        st.tuples(numbers, numbers, st.just(b""), numbers, flags, flags).map(lambda fields: Transfer(*fields)),
        st.tuples(numbers, flags).map(lambda fields: Detach(*fields)),
        st.tuples(numbers, flags, sources, values.map(Target), levels).map(
            lambda fields: Attach("any", fields[0], fields[1], source=fields[2], target=fields[3], properties=fields[4])
        ),
        values,
    )
    for performative in data.draw(st.lists(anything, max_size=6)):
        client.send(performative, data.draw(st.binary(max_size=20)))
    client.hub.append("0", b"the hub lives")
    assert client.hub.messages("0")[-1].body == b"the hub lives"
