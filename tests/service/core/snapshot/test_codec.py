"""What was encoded comes back as it was, or not at all."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.stream.unread import RowsLater
from service.core.snapshot.codec import (
    FORMAT,
    MOST_EXPANSION,
    PACKED,
    SLICE,
    Encoder,
    SnapshotPart,
    SnapshotRows,
    UnreadableSnapshot,
    decode,
    encode,
    lines,
)
from service.core.snapshot.migrations import MIGRATIONS
from service.core.snapshot.packing import plain, unpack_columns_later

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


READS = f"this version reads {', '.join(map(str, MIGRATIONS))} and {FORMAT}"


def members(data: bytes) -> list[bytes]:
    """Return what each member of a gzip file holds: the head, the parts, the tail."""
    found = []
    while data:
        unpacker = zlib.decompressobj(31)
        found.append(unpacker.decompress(data))
        data = unpacker.unused_data
    return found


def of_members(texts: Iterable[bytes]) -> bytes:
    return b"".join(map(gzip.compress, texts))


def of_format(version: str) -> bytes:
    head, *rest = members(DATA)
    return of_members(
        [head.replace(f'"unwonted_snapshot":{FORMAT}'.encode(), f'"unwonted_snapshot":{version}'.encode()), *rest]
    )


def test_a_newer_format_is_refused_with_what_to_do() -> None:
    newer = FORMAT + 1
    with pytest.raises(UnreadableSnapshot, match=rf"newer version \(format {newer}; {READS}\): run that"):
        decode(of_format(str(newer)))


@pytest.mark.parametrize("version", ["0", "-1", "null", '"2"', "1.5", "2.0", "true", '"ann@contoso.com"'])
def test_what_never_was_a_format_is_named(version: str) -> None:
    with pytest.raises(UnreadableSnapshot, match=READS) as caught:
        decode(of_format(version))
    assert "ann" not in str(caught.value)


def test_rows_that_are_not_those_of_their_format_are_refused() -> None:
    with pytest.raises(UnreadableSnapshot, match=r"its rows are not those of format 1 \(ValueError\)"):
        decode(of_format("1"))


def test_an_older_format_has_all_in_one_member() -> None:
    line = b'["engine",{"records":3}]\n'
    head, tail = {"unwonted_snapshot": 2, "created_at": "…"}, {"rows": 1, "sha256": sha256(line).hexdigest()}
    older = [json.dumps(head).encode() + b"\n", line, json.dumps(tail).encode() + b"\n"]
    assert decode(gzip.compress(b"".join(older))) == [("engine", {"records": 3})]
    with pytest.raises(UnreadableSnapshot, match="checksum"):
        decode(gzip.compress(b"".join([older[0], line, line, older[2]])))


def test_a_row_that_was_edited_is_noticed() -> None:
    head, rows, tail = members(DATA)
    with pytest.raises(UnreadableSnapshot, match="checksum"):
        decode(of_members([head, rows.replace(b'"records":3', b'"records":4'), tail]))


def test_a_missing_row_is_noticed() -> None:
    head, rows, tail = members(DATA)
    with pytest.raises(UnreadableSnapshot, match="checksum"):
        decode(of_members([head, rows.partition(b"\n")[2], tail]))


def test_a_part_that_is_missing_or_elsewhere_is_noticed() -> None:
    parts = [SnapshotPart([("a", 1)]), SnapshotPart([("b", 2)])]
    head, one, other, tail = members(asyncio.run(Encoder(Breath()).encode(parts, created_at=CREATED)))
    for wrong in ([one], [other, one], [one, other, other]):
        with pytest.raises(UnreadableSnapshot, match="checksum"):
            decode(of_members([head, *wrong, tail]))
    for wrong in ([head], [head, one], [head, one, other], [one, other, tail], []):
        with pytest.raises(UnreadableSnapshot, match="damaged or cut off"):
            decode(of_members(wrong))


def test_what_follows_the_end_is_not_taken_for_a_part_of_it() -> None:
    with pytest.raises(UnreadableSnapshot, match="damaged or cut off"):
        decode(DATA + gzip.compress(b"more\n"))
    with pytest.raises(UnreadableSnapshot, match="more parts than were ever written"):
        decode(gzip.compress(b"") * 1_000)


@pytest.mark.slow
def test_a_bomb_is_refused_before_it_has_unpacked() -> None:
    packed = of_members([members(DATA)[0], *[b'["row","' + b"0" * 80_000_000 + b'"]\n'] * 2])
    with pytest.raises(UnreadableSnapshot, match=f"more than {MOST_EXPANSION} times its size"):
        decode(packed)


@pytest.mark.parametrize("row", ["[" * 100_000, "[" * 100_000 + "]" * 100_000])
def test_rows_that_are_nested_without_end_are_refused(row: str) -> None:
    line = row.encode() + b"\n"
    tail = json.dumps({"sha256": sha256(sha256(line).digest()).hexdigest()}).encode()
    with pytest.raises(UnreadableSnapshot, match="damaged or cut off"):
        decode(of_members([members(DATA)[0], line, tail]))


@pytest.mark.parametrize(
    "line",
    [
        b'["person",2,{"id":["a"]}]',
        b'["person",2,{"id":["a","b"],"name":["x"]}]',
        b'["person",1,{"done":{"names":["x"],"which":[[3]],"values":[[1]]}}]',
        b'["person",1,{"done":{"names":["x"],"which":[[0]],"values":[[1,2]]}}]',
        b'["person",1000000000000,{"id":{"same":"a"}}]',
        b'["person",1,{"id":7}]',
        b'["person",1,7]',
        b'["person",{},{}]',
        b'["person"]',
        b"[]",
        b"7",
    ],
)
def test_a_block_that_was_never_written_is_refused(line: bytes) -> None:
    tail = json.dumps({"sha256": sha256(sha256(line + b"\n").digest()).hexdigest()}).encode()
    with pytest.raises(UnreadableSnapshot, match="damaged or cut off"):
        decode(of_members([members(DATA)[0], line + b"\n", tail]))


def test_it_is_lines_of_json_for_whoever_looks() -> None:
    first, *_, last = [json.loads(line) for line in gzip.decompress(DATA).splitlines()]
    assert first == {"unwonted_snapshot": FORMAT, "created_at": "2026-03-02T08:00:00+00:00"}
    assert last["rows"] == len(ROWS)


def test_a_part_is_encoded_again_only_when_its_version_has_changed() -> None:
    asked: list[str] = []

    def rows(name: str) -> Iterator[tuple[str, Any]]:
        asked.append(name)
        yield name, len(asked)

    encoder = Encoder(Breath())

    def encoded(version: int) -> tuple[list[tuple[str, Any]], dict[str, int]]:
        sizes: dict[str, int] = {}
        parts = [SnapshotPart(rows("open")), SnapshotPart(rows("learnt"), version=version), SnapshotPart(rows("told"))]
        return decode(asyncio.run(encoder.encode(parts, created_at=CREATED, sizes=sizes))), sizes

    assert encoded(1) == ([("open", 1), ("learnt", 2), ("told", 3)], {"open": 11, "learnt": 13, "told": 11})
    assert encoded(1) == ([("open", 4), ("learnt", 2), ("told", 5)], {"open": 11, "learnt": 13, "told": 11})
    assert encoded(2)[0] == [("open", 6), ("learnt", 7), ("told", 8)]


def test_a_big_one_is_encoded_in_slices_with_the_loop_free_in_between() -> None:
    breath = Breath()
    rows = [("row", "x" * 1_000) for _ in range(500)]
    assert decode(packed(rows, breath)) == rows
    assert breath.taken >= 500_000 // SLICE


@pytest.mark.slow
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


def test_a_few_bytes_do_not_stand_for_very_many_rows() -> None:
    line = b'["person",10000,{"id":{"same":"a"}}]\n' * 200
    tail = json.dumps({"sha256": sha256(sha256(line).digest()).hexdigest()}).encode()
    with pytest.raises(UnreadableSnapshot, match="more rows than it could hold"):
        for _ in SnapshotRows(of_members([members(DATA)[0], line, tail])):
            pass


def opened(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield rows with what was to be read later, one by one."""
    for section, row in rows:
        part = None if isinstance(row, RowsLater) else dict(row).get("part")
        inner = row if part is None else row["row"]
        if not isinstance(inner, RowsLater):
            yield section, plain(row)
            continue
        for key, state in zip(inner.column("id"), inner.column("state"), strict=True):
            one = {"id": key, "state": plain(state)}
            yield section, one if part is None else {"part": part, "row": one}


def test_states_of_identities_are_read_when_they_are_asked_for() -> None:
    states = [{"id": f"t/{number}", "state": {"done": {f"a/{number % 7}": 1.5}, "at": number}} for number in range(600)]
    parts = [{"part": "habits" if number < 300 else "failures", "row": one} for number, one in enumerate(states)]
    others = [{"id": number, "status": None} for number in range(600)]
    rows: list[tuple[str, Any]] = [("engine", {"records": 3})]
    for name, some in (("x", states), ("of parts", parts), ("others", others)):
        rows += [(f"identities {name}", {"evicted": 0}), *((f"identities {name}", one) for one in some)]
    read = list(SnapshotRows(packed(rows)).to_restore())
    assert list(opened(read)) == rows
    assert len(read) < len(rows) - 400


def test_what_buckets_hold_is_read_when_it_is_asked_for_but_for_the_first_block_of_each_table() -> None:
    cells = [{"bucket": number // 150, "actor": f"t/{number:03}", "draft": {"threshold": 7}} for number in range(300)]
    closed = [{"bucket": 5, "actor": f"t/{number:03}", "actions": {"a/read": number % 3}} for number in range(70)]
    rows = [("bucket head", {"closed_below": 9}), *(("bucket cell", one) for one in cells)]
    rows += (("bucket closed", one) for one in closed)
    read = list(SnapshotRows(packed(rows)).to_restore())
    blocks = [row for _, row in read if isinstance(row, RowsLater)]
    assert sum(block.number for block in blocks) == 300 - PACKED["bucket"] + 70 - PACKED["bucket"]
    assert blocks[1].column("bucket") == [0] * (150 - 2 * PACKED["bucket"]) + [1] * (3 * PACKED["bucket"] - 150)
    whole = [
        (section, plain(one)) for section, row in read for one in (row.read() if isinstance(row, RowsLater) else [row])
    ]
    assert whole == rows


def test_a_column_that_is_too_short_is_refused_when_the_block_is_kept_for_later() -> None:
    line = b'["bucket cell",4,{"actor":["a","b","c"]}]\n'
    _, _, block = unpack_columns_later(memoryview(line))
    with pytest.raises(ValueError, match="3 rows where there should be 4"):
        block.column("actor")


def test_a_state_that_is_read_later_and_is_damaged_says_so_to_whoever_asks() -> None:
    ids = ",".join(f'"t/{number}"' for number in range(4))
    good = f'["identities x",4,{{"id":[{ids}],"state":{{"rows":{{"at":[1,2,3,4]}}}}}}]\n'.encode()
    bad = good.replace(b'"t/', b'"u/').replace(b"[1,2,3,4]", b"[1,2]")
    tail = json.dumps({"sha256": sha256(sha256(good + bad).digest()).hexdigest()}).encode()
    *_, (_, row) = SnapshotRows(of_members([members(DATA)[0], good + bad, tail])).to_restore()
    with pytest.raises(ValueError, match="2 rows where there should be 4"):
        row.column("state")


@pytest.mark.parametrize("long", [1, SLICE * 5])
def test_lines_that_are_cut_while_they_are_unpacked_are_whole_again(long: int) -> None:
    chance = Random(long)
    rows = [("text", chance.randbytes(chance.randrange(long, long + SLICE)).hex()) for _ in range(6)]
    assert decode(packed(rows)) == rows
