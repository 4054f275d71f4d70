"""What workspaces of Log Analytics teach is what files of their rows teach, whatever their answers leave out."""

import json
import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from service.documents.sources import FileSource
from service.learning.history import Fetched
from tests.service.documents.shapes import row
from tests.service.learning.lessons import RECORDS, fetch, learnt, new_engine, queried, teach_files

pytestmark = [pytest.mark.slow, pytest.mark.measured]

ONE, OTHER = "9a9a9a9a-0000-4000-8000-00000000a1a1", "9a9a9a9a-0000-4000-8000-00000000a1a2"
ROWS = [row(record) for record in RECORDS]
SPLIT = {ONE: ROWS[::2], OTHER: ROWS[1::2]}
WANTED: dict[str, Any] = {"api": False, "workspaces": [ONE, OTHER]}


def result_file(rows: Sequence[Any], folder: Path) -> Fetched:
    """A file as the query's answer is saved: a table of columns and rows."""
    table = {"columns": [{"name": name} for name in rows[0]], "rows": [list(one.values()) for one in rows]}
    path = folder / "answer.json"
    path.write_text(json.dumps({"tables": [table]}))
    return Fetched([FileSource("answer.json", path, path.stat().st_size)], 1, 1, 0, len(rows), {})


async def test_workspaces_teach_what_a_file_of_the_same_rows_teaches(tmp_path: Path) -> None:
    from_file, from_query = new_engine(), new_engine()
    teach_files(from_file, result_file(ROWS, tmp_path))
    async with queried(SPLIT, most_rows=150) as world:
        fetched = await fetch(tmp_path / "spool", *world, **WANTED)
        again = await fetch(tmp_path / "spool", *world, **WANTED)
    taught = teach_files(from_query, fetched)

    assert (fetched.origins, fetched.fetched, fetched.records) == (2, 2 * 4, len(RECORDS))
    assert (again.fetched, again.resumed, again.files) == (0, 2 * 4, fetched.files)
    assert taught.summary.records == len(RECORDS)
    assert learnt(from_query) == learnt(from_file)


async def test_rows_that_both_workspaces_hold_are_learnt_once(tmp_path: Path) -> None:
    rng = random.Random(5)
    from_file, from_query = new_engine(), new_engine()
    teach_files(from_file, result_file(ROWS, tmp_path))
    also = [{**one, "TenantId": OTHER} for one in rng.sample(ROWS[::2], 200)]
    async with queried({ONE: ROWS[::2], OTHER: [*ROWS[1::2], *also]}) as world:
        teach_files(from_query, await fetch(tmp_path / "spool", *world, **WANTED))
    found, expected = learnt(from_query), learnt(from_file)
    assert found.pop("engine")[0]["records"] > expected.pop("engine")[0]["records"]
    assert found == expected


async def test_a_workspace_that_may_not_be_read_is_said_and_the_other_is_learnt(tmp_path: Path) -> None:
    async with queried(SPLIT) as (server, credential, clock):
        server.forbidden.add(ONE)
        fetched = await fetch(tmp_path, server, credential, clock, **WANTED)
    assert fetched.refused == {f"workspace {ONE}": "403 InsufficientAccessError"}
    assert (fetched.origins, fetched.records) == (2, len(ROWS[1::2]))


@pytest.mark.integration
async def test_throttling_timeouts_and_tokens_that_expire_change_nothing(tmp_path: Path) -> None:
    calm, rough = new_engine(), new_engine()
    async with queried(SPLIT) as world:
        teach_files(calm, await fetch(tmp_path / "calm", *world, **WANTED))
    limits = {"most_rows": 25, "longest": timedelta(hours=5)}
    async with queried(SPLIT, **limits) as (server, credential, clock):
        calls = count()

        async def unsteady() -> None:
            call = next(calls)
            if call % 40 == 3:
                credential.revoke()
            if call % 20 == 17:
                server.refuse(429, times=2, Retry_After="11")

        server.on_request = unsteady
        teach_files(rough, await fetch(tmp_path / "rough", server, credential, clock, **WANTED))
    assert clock.slept.count(11.0) > 10
    assert credential.issued > 4
    assert learnt(rough) == learnt(calm)
