"""Files into messages, at a rate kept on the injected clock."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.hub import EmbeddedHub
from demo.hub.seeding import bodies, feed, lines
from tests.fakes.clock import FakeClock


@pytest.mark.parametrize("name", ["seed.ndjson", "seed.ndjson.gz"])
def test_lines_are_read_gzipped_or_not_and_blank_ones_skipped(tmp_path: Path, name: str) -> None:
    text = b'{"a":1}\n\n  \n{"a":2}\r\nnot json'
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    assert list(lines(path)) == [b'{"a":1}', b'{"a":2}', b"not json"]


@given(st.lists(st.sampled_from([b'{"a":1}', b'{"records":[1]}', b"[", b"7"])), st.integers(1, 4))
def test_every_line_is_in_exactly_one_message_and_in_order(given_lines: list[bytes], per_message: int) -> None:
    flat: list[bytes] = []
    for body in bodies(given_lines, per_message):
        inner = [body] if body == b'{"records":[1]}' else body[12:-2].split(b",")
        assert len(inner) <= per_message
        flat += inner
    assert given_lines == flat


async def test_a_rate_is_kept_on_the_clock_and_all_partitions_get_their_turn() -> None:
    clock = FakeClock(autojump=0)
    hub = EmbeddedHub(partitions=2, clock=clock)
    assert await feed(hub, (b"%d" % n for n in range(10)), 5.0, clock) == 10
    assert clock.elapsed() == pytest.approx(2.0)
    assert [message.body for message in hub.messages("0")] == [b"0", b"2", b"4", b"6", b"8"]
    assert (hub.messages("1")[-1].enqueued_time - hub.messages("0")[0].enqueued_time).total_seconds() == pytest.approx(
        1.8
    )


async def test_without_a_rate_all_of_it_is_there_at_once() -> None:
    clock = FakeClock(autojump=0)
    hub = EmbeddedHub(partitions=1, clock=clock, retain=600)
    assert await feed(hub, (b"" for _ in range(1200)), 0.0, clock) == 1200
    assert (clock.elapsed(), len(hub.messages("0"))) == (0.0, 600)
