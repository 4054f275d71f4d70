"""Where reading starts, what is kept, and how messages are read and annotated."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.hub import Refusal
from demo.hub.codec import DecodeError, encode
from demo.hub.messages import BATCH_FORMAT, draft, parse_transfer, section
from demo.hub.primitives import Symbol
from demo.hub.store import Partition, Position, Store, parse_selector

START = datetime(2026, 3, 1, tzinfo=UTC)


def filled(count: int, retain: int | None = None, prefix: str = "") -> Partition:
    partition = Partition(0, retain, prefix)
    for number in range(count):
        partition.append(draft(b"%d" % number), START + timedelta(seconds=number))
    return partition


def seek(partition: Partition, selector: str) -> int:
    return partition.seek(parse_selector(f"amqp.annotation.x-opt-{selector}"))


@pytest.mark.parametrize(
    ("selector", "first"),
    [
        ("offset > '-1'", 0),
        ("offset > '@latest'", 10),
        ("sequence-number > '3'", 4),
        ("sequence-number >= '3'", 3),
        ("sequence-number > '-1'", 0),
        ("sequence-number > '9'", 10),
        (f"enqueued-time > '{int(START.timestamp() + 3) * 1000}'", 4),
        (f"enqueued-time >= '{int(START.timestamp() + 3) * 1000}'", 3),
        ("enqueued-time > '0'", 0),
        ("enqueued-time > '99999999999999'", 10),
    ],
)
def test_a_selector_finds_the_first_message_to_deliver(selector: str, first: int) -> None:
    assert first == seek(filled(10), selector)


@given(st.integers(1, 30), st.data(), st.sampled_from(["", "0:"]))
def test_behind_an_offset_comes_the_next_message_and_at_it_the_message(
    count: int, data: st.DataObject, prefix: str
) -> None:
    partition = filled(count, prefix=prefix)
    number = data.draw(st.integers(0, count - 1))
    offset = partition[number].offset
    assert offset.startswith(prefix)
    assert number + 1 == seek(partition, f"offset > '{offset}'")
    assert number == seek(partition, f"offset >= '{offset}'")


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ("offset > '999999'", "The supplied offset '999999' is invalid. The last offset in the system is '"),
        ("offset > 'x'", "The supplied offset 'x' is invalid."),
        (
            "sequence-number > '10'",
            "The supplied sequence number '10' is invalid. The last sequence number in the system is '9'",
        ),
    ],
)
def test_a_position_of_another_hub_is_refused_in_azures_words(selector: str, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        seek(filled(10), selector)
    assert refused.value.condition == "com.microsoft:argument-error"
    assert refused.value.description.startswith(text)


def test_an_empty_partition_knows_no_offset_but_its_ends() -> None:
    assert seek(filled(0), "offset > '-1'") == 0
    assert seek(filled(0), "offset > '@latest'") == 0
    with pytest.raises(Refusal, match="The last offset in the system is '-1'"):
        seek(filled(0), "offset > '0'")


@pytest.mark.parametrize("selector", [None, 7, "", "offset > '1'", "amqp.annotation.x-opt-sequence-number > 'x'"])
def test_what_is_no_position_is_refused(selector: object) -> None:
    with pytest.raises(Refusal, match="amqp:invalid-field"):
        parse_selector(selector)


def test_names_in_a_selector_are_case_insensitive() -> None:
    assert parse_selector("AMQP.annotation.X-opt-Offset > '5'") == Position("offset", "5", inclusive=False)


def test_retention_forgets_the_oldest_and_keeps_the_numbers() -> None:
    partition = filled(10, retain=3)
    assert (partition.begin, partition.next) == (7, 10)
    assert seek(partition, "offset > '-1'") == 7
    assert seek(partition, "sequence-number > '2'") == 7
    assert seek(partition, f"offset > '{partition[8].offset}'") == 9
    with pytest.raises(KeyError):
        partition[6]


def test_enqueued_time_never_goes_back_within_a_partition() -> None:
    partition = filled(2)
    assert partition.append(draft(b""), START).enqueued_time == START + timedelta(seconds=1)


def test_one_key_always_means_one_partition_and_no_key_all_in_turn() -> None:
    store = Store(4, START, None, "")
    assert len({store.choose("key").id for _ in range(10)}) == 1
    assert [store.choose(None).id for _ in range(5)] == ["0", "1", "2", "3", "0"]
    with pytest.raises(Refusal, match="argument-out-of-range"):
        store.partition("4")


def test_a_stored_message_gives_back_what_was_put_in() -> None:
    stored = Partition(0).append(draft(b"body", {"a": 1}, "key"), START)
    assert (stored.body, stored.properties, stored.partition_key) == (b"body", {"a": 1}, "key")
    assert (stored.sequence_number, stored.offset, stored.enqueued_time) == (0, "0", START)


def test_a_batch_becomes_its_messages_with_the_batchs_key() -> None:
    inner = [section(0x74, {"n": n}) + section(0x75, b"%d" % n) for n in range(3)]
    key = section(0x72, {Symbol("x-opt-partition-key"): "k"})
    drafts = parse_transfer(key + b"".join(section(0x75, one) for one in inner), BATCH_FORMAT)
    assert [one.partition_key for one in drafts] == ["k"] * 3
    assert inner == [one.rest for one in drafts]


@pytest.mark.parametrize("payload", [b"", b"\x40", encode("text"), section(0x74, {}), section(0x72, [1])])
def test_a_message_without_a_body_or_of_other_things_is_a_decode_error(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_transfer(payload, 0)


def test_header_and_delivery_annotations_of_the_sender_end_at_the_hub() -> None:
    (one,) = parse_transfer(section(0x70, [True]) + section(0x71, {}) + section(0x75, b"x"), 0)
    assert one.rest == section(0x75, b"x")


def test_what_has_expired_is_gone_and_what_comes_then_has_the_next_number() -> None:
    partition = filled(5)
    assert partition.expire() == 5
    assert partition.expire() == 0
    assert seek(partition, "offset > '-1'") == 5
    assert partition.append(draft(b"x"), START).sequence_number == 5
