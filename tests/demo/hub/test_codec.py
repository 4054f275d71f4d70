"""Bytes to values and back, for every AMQP type, and for what only pretends to be AMQP."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.hub.codec import DecodeError, decode, encode
from demo.hub.performatives import Attach, Open, Rejected, Source
from demo.hub.primitives import (
    Array,
    Int,
    Symbol,
    Timestamp,
    Uint,
    Ulong,
)
from tests.demo.hub.values import values


def same(left: Any, right: Any) -> bool:
    """Equal, and of equal types all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


@settings(max_examples=60)
@given(values)
def test_what_is_encoded_is_decoded_as_the_same_type(value: Any) -> None:
    encoded = encode(value)
    decoded, end = decode(encoded)
    assert same(value, decoded)
    assert end == len(encoded)


@settings(max_examples=40)
@given(values, st.data())
def test_a_truncated_value_is_an_error_and_never_half_a_value(value: Any, data: st.DataObject) -> None:
    encoded = encode(value)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(DecodeError):
        decode(encoded[:cut])


@given(st.binary(max_size=64))
def test_any_bytes_give_a_value_or_a_decode_error(data: bytes) -> None:
    try:
        _, end = decode(data)
    except DecodeError:
        return
    assert 0 < end <= len(data)


def test_hostile_nesting_is_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        decode(b"\x00" * 100_000)


def test_a_count_that_cannot_fit_is_refused_before_it_is_believed() -> None:
    with pytest.raises(DecodeError):
        decode(bytes.fromhex("f0 00000005 ffffffff 40"))


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (None, "40"),
        (Uint(0), "43"),
        (Uint(255), "52ff"),
        (Uint(256), "7000000100"),
        (Ulong(0x70), "5370"),
        (-1, "55ff"),
        (Int(202), "71000000ca"),
        (Timestamp(1), "830000000000000001"),
        (b"ab", "a0026162"),
        (Symbol("ab"), "a3026162"),
        (Array(["0", "1"]), "e00c02b1000000013000000001 31"),
        ({"a": True}, "c105 02 a10161 41"),
    ],
)
def test_the_wire_form_is_the_specifications(value: Any, wire: str) -> None:
    assert bytes.fromhex(wire).hex() == encode(value).hex()


def test_not_a_number_stays_not_a_number() -> None:
    assert math.isnan(decode(encode(math.nan))[0])


def test_mixed_arrays_and_foreign_types_cannot_be_encoded() -> None:
    with pytest.raises(TypeError):
        encode(Array(["a", 1]))
    with pytest.raises(TypeError):
        encode(object())


def test_a_performative_is_written_with_all_its_fields_and_read_without_the_trailing_ones() -> None:
    opened = Open("me", max_frame_size=512)
    assert encode(opened)[5] == 10
    assert decode(encode(opened)) == (opened, len(encode(opened)))
    short = bytes.fromhex("005310 c0 05 01 a1026d65")
    assert decode(short)[0] == Open("me")


@pytest.mark.parametrize(
    "wire",
    [
        "005310 c0 02 01 40",  # open without a container id
        "005310 c0 03 01 5201",  # a container id that is a number
        "005324 c0 02 01 40",  # accepted, which has no fields, with one
        "005310 a1 00",  # an open that is no list
    ],
)
def test_a_malformed_performative_is_a_decode_error(wire: str) -> None:
    with pytest.raises(DecodeError):
        decode(bytes.fromhex(wire))


def test_composites_nest() -> None:
    attach = Attach("link", 0, True, source=Source("hub", capabilities=Array([Symbol("a")])))
    assert decode(encode(attach))[0] == attach
    assert decode(encode(Rejected()))[0] == Rejected()
