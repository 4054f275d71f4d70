"""What was encoded comes back as it was, or not at all."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.snapshot.codec import MOST_EXPANSION, SLICE, UnreadableSnapshot, decode, encode, lines

CREATED = datetime(2026, 3, 2, 8, tzinfo=UTC)
ROWS = [("engine", {"records": 3}), ("position", {"partition": "0"}), ("detector x", [1.5, None, "é\n"])]
few = settings(max_examples=50, deadline=None)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Breath:
    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self) -> None:
        self.taken += 1


def packed(rows: Iterable[tuple[str, Any]], yield_to_loop: Breath | None = None) -> bytes:
    return asyncio.run(encode(rows, created_at=CREATED, yield_to_loop=yield_to_loop or Breath()))


DATA = packed(ROWS)


@few
@given(st.lists(st.tuples(st.text(), values), max_size=5))
def test_rows_come_back_as_they_were(rows: list[tuple[str, Any]]) -> None:
    assert decode(packed(rows)) == rows


def test_keys_keep_their_order() -> None:
    [(_, row)] = decode(packed([("row", {"b": 1, "a": 2})]))
    assert list(row) == ["b", "a"]


@given(st.integers(0, len(DATA) - 1))
def test_what_is_cut_off_is_not_read(length: int) -> None:
    with pytest.raises(UnreadableSnapshot, match="damaged or cut off"):
        decode(DATA[:length])


@given(st.integers(0, len(DATA) * 8 - 1))
def test_a_flipped_bit_changes_no_row_unnoticed(position: int) -> None:
    damaged = bytearray(DATA)
    damaged[position // 8] ^= 1 << position % 8
    try:
        rows = decode(bytes(damaged))
    except UnreadableSnapshot:
        return
    assert rows == ROWS


@given(st.binary(max_size=200))
def test_junk_is_not_read(data: bytes) -> None:
    with pytest.raises(UnreadableSnapshot):
        decode(data)
    with pytest.raises(UnreadableSnapshot):
        decode(gzip.compress(data))


def of_format(version: str) -> bytes:
    return gzip.compress(
        gzip.decompress(DATA).replace(b'"unwonted_snapshot":3', f'"unwonted_snapshot":{version}'.encode())
    )


def test_a_newer_format_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        UnreadableSnapshot, match=r"newer version \(format 4; this version reads 1, 2 and 3\): run that"
    ):
        decode(of_format("4"))


@pytest.mark.parametrize("version", ["0", "-1", "null", '"2"', "1.5", "2.0", "true", '"ann@contoso.com"'])
def test_what_never_was_a_format_is_named(version: str) -> None:
    with pytest.raises(UnreadableSnapshot, match="this version reads 1, 2 and 3") as caught:
        decode(of_format(version))
    assert "ann" not in str(caught.value)


def test_rows_that_are_not_those_of_their_format_are_refused() -> None:
    with pytest.raises(UnreadableSnapshot, match=r"its rows are not those of format 1 \(ValueError\)"):
        decode(of_format("1"))


def test_a_row_that_was_edited_is_noticed() -> None:
    lines = gzip.decompress(DATA).replace(b'"records":3', b'"records":4')
    with pytest.raises(UnreadableSnapshot, match="checksum"):
        decode(gzip.compress(lines))


def test_a_missing_row_is_noticed() -> None:
    first, _, *rest = gzip.decompress(DATA).splitlines(keepends=True)
    with pytest.raises(UnreadableSnapshot, match="checksum"):
        decode(gzip.compress(b"".join([first, *rest])))


def test_it_is_lines_of_json_for_whoever_looks() -> None:
    first, *_, last = [json.loads(line) for line in gzip.decompress(DATA).splitlines()]
    assert first == {"unwonted_snapshot": 3, "created_at": "2026-03-02T08:00:00+00:00"}
    assert last["rows"] == len(ROWS)


def test_a_big_one_is_encoded_in_slices_with_the_loop_free_in_between() -> None:
    breath = Breath()
    rows = [("row", "x" * 1_000) for _ in range(500)]
    assert decode(packed(rows, breath)) == rows
    assert breath.taken >= 500_000 // SLICE


def test_a_bomb_is_refused_before_it_has_unpacked_also_where_its_checksum_fits() -> None:
    rows = [("row", "0" * 1_000_000)] * 150
    bomb = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = b"".join([*map(bomb.compress, lines(rows, created_at=CREATED)), bomb.flush()])
    tracemalloc.start()
    with pytest.raises(UnreadableSnapshot, match=f"more than {MOST_EXPANSION} times its size"):
        decode(packed)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 100_000_000


@pytest.mark.parametrize("row", ["[" * 100_000, "[" * 100_000 + "]" * 100_000])
def test_rows_that_are_nested_without_end_are_refused(row: str) -> None:
    head, line = gzip.decompress(DATA).splitlines(keepends=True)[0], row.encode() + b"\n"
    tail = json.dumps({"rows": 1, "sha256": sha256(line).hexdigest()}).encode()
    with pytest.raises(UnreadableSnapshot, match="damaged or cut off"):
        decode(gzip.compress(head + line + tail))


def test_what_follows_the_end_is_not_taken_for_a_part_of_it() -> None:
    with pytest.raises(UnreadableSnapshot, match="damaged or cut off"):
        decode(DATA + gzip.compress(b"more\n"))
