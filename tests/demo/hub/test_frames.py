"""Frames out of any slicing of a stream, and transfers by hand equal to transfers by table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.hub.codec import decode
from demo.hub.frames import AMQP_HEADER, EMPTY_FRAME, SASL_HEADER, Frame, Framer, FramingError, frame, transfers
from demo.hub.performatives import Close, Transfer


@given(st.lists(st.integers(1, 60), max_size=30))
def test_a_stream_gives_the_same_frames_however_it_is_cut(cuts: list[int]) -> None:
    stream = SASL_HEADER + frame(0, Close(), kind=1) + AMQP_HEADER + frame(7, Close()) + EMPTY_FRAME
    whole = list(Framer(65536).feed(stream))
    framer = Framer(65536)
    pieces: list[bytes | Frame] = []
    at = 0
    for cut in [*cuts, len(stream)]:
        pieces += framer.feed(stream[at : at + cut])
        at += cut
    assert whole == pieces
    assert [item for item in whole if isinstance(item, bytes)] == [SASL_HEADER, AMQP_HEADER]
    assert [(item.kind, item.channel) for item in whole if isinstance(item, Frame)] == [(1, 0), (0, 7), (0, 0)]


@pytest.mark.parametrize("head", ["0000020102000000", "0000000702000000", "0000000801000000", "7fffffff02000000"])
def test_an_impossible_frame_is_an_error(head: str) -> None:
    with pytest.raises(FramingError):
        list(Framer(512).feed(bytes.fromhex(head)))


@given(st.binary(max_size=3000), st.integers(512, 1024), st.integers(0, 2**32 - 1))
def test_a_message_is_cut_into_transfers_that_a_peer_can_join(payload: bytes, limit: int, delivery: int) -> None:
    sent = transfers(3, 5, delivery, payload, limit)
    assert all(len(one) <= limit for one in sent)
    parts = []
    for one in Framer(limit).feed(b"".join(sent)):
        assert isinstance(one, Frame)
        performative, end = decode(one.body)
        assert (5, delivery, True) == (performative.handle, performative.delivery_id, performative.settled)
        parts.append((performative.more, one.body[end:]))
    assert payload == b"".join(part for _, part in parts)
    assert [True] * (len(parts) - 1) + [False] == [more for more, _ in parts]


def test_the_fast_transfer_reads_like_the_slow_one() -> None:
    (fast,) = transfers(1, 2, 3, b"payload", 512)
    (read,) = Framer(512).feed(fast)
    assert isinstance(read, Frame)
    expected = Transfer(2, 3, bytes.fromhex("00000003"), 0, settled=True, more=False)
    assert expected == decode(read.body)[0]
