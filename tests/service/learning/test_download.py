import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from service.learning import Chunk, Piece, Spool, SpoolBusy, chunks_of, download

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=3, hours=7)


class Refused(Exception):  # noqa: N818 - as the API's own
    pass


class FakeHistory:
    """Gives each subscription two records an hour, a page of five at a time; stops dead where it is told to."""

    def __init__(self, dies_after: int | None = None, closed: tuple[str, ...] = ()) -> None:
        self.pages = 0
        self._dies_after = dies_after
        self._closed = closed

    def close(self, subscription: str) -> None:
        self._closed += (subscription,)

    async def records(self, subscription: str, since: datetime, until: datetime) -> AsyncIterator[list[bytes]]:
        minutes = int((until - since).total_seconds() // 1800)
        every = [f'{{"s":"{subscription}","t":"{since + n * timedelta(minutes=30)}"}}'.encode() for n in range(minutes)]
        for at in range(0, len(every), 5):
            self.pages += 1
            if subscription in self._closed:
                raise Refused("403 AuthorizationFailed")
            if self._dies_after is not None and self.pages > self._dies_after:
                raise OSError("away")
            await asyncio.sleep(0)  # noqa: TID251 - lets the others go on
            yield every[at : at + 5]


def lines(spool: Spool) -> list[bytes]:
    return sorted(line for path in spool.files() for line in gzip.decompress(path.read_bytes()).splitlines())


def plan() -> list[Chunk]:
    return list(chunks_of(["a", "b"], BEGIN, END))


async def pieces(history: FakeHistory) -> AsyncIterator[Piece]:
    for chunk in plan():
        yield Piece(chunk.name, chunk.origin, partial(history.records, *chunk))


async def fetch(folder: Path, history: FakeHistory) -> list[bytes]:
    with Spool(folder) as spool:
        await download(pieces(history), spool, refusal=Refused)
        return lines(spool)


async def test_what_was_cut_short_anywhere_is_resumed_without_fetching_a_whole_chunk_twice(tmp_path: Path) -> None:
    whole = FakeHistory()
    wanted = await fetch(tmp_path / "whole", whole)
    assert len(wanted) == 2 * 2 * 79
    for dies_after in range(0, whole.pages, 3):
        folder = tmp_path / str(dies_after)
        first = FakeHistory(dies_after)
        with pytest.raises(OSError, match="away"):
            await fetch(folder, first)
        with Spool(folder) as spool:
            before = [chunk.name for chunk in plan() if spool.has(chunk.name)]
        second = FakeHistory()
        assert await fetch(folder, second) == wanted
        assert second.pages == sum(
            -(-int((chunk.until - chunk.since).total_seconds() // 1800) // 5)
            for chunk in plan()
            if chunk.name not in before
        )


async def test_a_subscription_that_may_not_be_read_is_said_and_the_others_are_fetched(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        done = await download(pieces(FakeHistory(closed=("a",))), spool, refusal=Refused)
        assert done.refused == {"a": "403 AuthorizationFailed"}
        assert {line.split(b'"')[3] for line in lines(spool)} == {b"b"}


async def test_what_is_refused_on_the_way_is_told_from_what_could_never_be_read(tmp_path: Path) -> None:
    history = FakeHistory(closed=("a",))
    done = 0

    def close_the_other(piece: Piece, records: int) -> None:
        nonlocal done
        done += piece.origin == "b"
        if done == 1:
            history.close("b")

    with Spool(tmp_path) as spool:
        first = await download(pieces(history), spool, refusal=Refused, on_piece=close_the_other)
        assert (set(first.refused), set(first.broken_off)) == ({"a", "b"}, {"b"})
        again = await download(pieces(history), spool, refusal=Refused)
        assert (again.fetched, set(again.broken_off)) == (0, {"b"})
        last = await download(pieces(FakeHistory()), spool, refusal=Refused)
        assert (last.resumed, last.refused, list(last.broken_off)) == (first.fetched, {}, [])
        assert len(lines(spool)) == 2 * 2 * 79


def test_a_run_that_is_resumed_keeps_its_end_unless_it_begins_elsewhere(tmp_path: Path) -> None:
    later = timedelta(hours=5)
    with Spool(tmp_path) as spool:
        assert spool.span(BEGIN, END) == (BEGIN, END)
        assert spool.span(BEGIN, END + later) == (BEGIN, END)
        assert spool.span(BEGIN - later, END + later) == (BEGIN - later, END + later)


def test_what_is_kept_is_nobody_elses_to_read_and_no_other_process_joins_in(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        spool.span(BEGIN, END)
        assert {path.stat().st_mode & 0o077 for path in (tmp_path / "spool").glob("*.json")} == {0}
        with pytest.raises(SpoolBusy, match="in use"), Spool(tmp_path / "spool"):
            pass


async def test_half_a_chunk_that_a_kill_has_left_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    chunk = plan()[0]
    (tmp_path / f"{chunk.name}.part").write_bytes(b"half")
    with Spool(tmp_path) as spool:
        assert not spool.has(chunk.name)
        assert spool.files() == []
        assert not any(tmp_path.glob("*.part"))  # noqa: ASYNC240 - the test has its loop to itself


async def test_a_record_written_over_several_lines_keeps_to_one(tmp_path: Path) -> None:
    async def pages() -> AsyncIterator[list[bytes]]:
        yield [b'{\r\n "a": 1\n}', b"{}"]

    with Spool(tmp_path) as spool:
        assert await spool.keep("x", pages()) == 2
        assert lines(spool) == [b'{ "a": 1}', b"{}"]
