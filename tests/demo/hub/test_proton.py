"""Qpid Proton as an independent client: it has never heard of Azure, so what it accepts is AMQP and not a habit."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from proton import Message
from proton.reactor import Selector
from proton.utils import BlockingConnection, LinkDetached

from demo.hub import EmbeddedHub, Limits

pytestmark = pytest.mark.integration

READER = "hub/ConsumerGroups/$Default/Partitions/0"


@contextmanager
def connected(hub: EmbeddedHub) -> Iterator[Any]:
    connection = BlockingConnection(
        f"amqp://127.0.0.1:{hub.port}",
        timeout=60,
        user="RootManageSharedAccessKey",
        password="embedded-hub-key",
        allowed_mechs="PLAIN",
        allow_insecure_mechs=True,
    )
    try:
        yield connection
    finally:
        connection.close()


async def test_what_one_proton_client_sends_another_reads_with_the_brokers_annotations() -> None:
    def send(hub: EmbeddedHub) -> None:
        with connected(hub) as connection:
            sender = connection.create_sender("hub/Partitions/0")
            for number in range(3):
                sender.send(Message(body=b"%d" % number, inferred=True, properties={"n": number}))
            sender.send(Message(body={"large": "x" * 200_000}, id=7))

    def read(hub: EmbeddedHub) -> list[Any]:
        with connected(hub) as connection:
            selector = Selector("amqp.annotation.x-opt-sequence-number >= '1'")
            receiver = connection.create_receiver(READER, credit=10, options=selector)
            return [receiver.receive() for _ in range(3)]

    async with EmbeddedHub(hub="hub", partitions=1) as hub:
        await asyncio.to_thread(send, hub)
        stored = hub.messages("0")
        got = await asyncio.to_thread(read, hub)
    assert [m.body for m in stored] == [b"0", b"1", b"2", b""]
    assert [m.annotations["x-opt-sequence-number"] for m in got] == [1, 2, 3]
    assert [m.annotations["x-opt-offset"] for m in got] == [m.offset for m in stored[1:]]
    assert [int(m.annotations["x-opt-enqueued-time"]) for m in got] == [m.enqueued_ms for m in stored[1:]]
    assert (bytes(got[0].body), got[0].properties) == (b"1", {"n": 1})
    assert (got[2].id, got[2].body) == (7, {"large": "x" * 200_000})


async def test_proton_is_told_why_a_link_ends() -> None:
    def try_all(hub: EmbeddedHub) -> list[str]:
        conditions = []
        with connected(hub) as connection:
            for address in ("hub/ConsumerGroups/none/Partitions/0", "hub/ConsumerGroups/$Default/Partitions/5"):
                with pytest.raises(LinkDetached) as ended:
                    connection.create_receiver(address)
                conditions.append(ended.value.condition)
            with pytest.raises(LinkDetached) as ended:
                connection.create_sender("hub").send(Message(body=b"x" * 2000, inferred=True))
            conditions.append(ended.value.condition)
        return conditions

    async with EmbeddedHub(hub="hub", partitions=1, limits=Limits(max_message_size=1000)) as hub:
        conditions = await asyncio.to_thread(try_all, hub)
        assert hub.messages("0") == []
    assert conditions == ["amqp:not-found", "com.microsoft:argument-out-of-range", "amqp:link:message-size-exceeded"]
