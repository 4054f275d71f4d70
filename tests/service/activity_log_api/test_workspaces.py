"""Rows of a workspace come once each, whatever its answers leave out, and as a file of them would be read."""

import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from demo.activity_log_api import LogAnalyticsServer, StaticCredential
from service.activity_log_api import ApiRefused, ApiUnavailable, LogAnalyticsApi, can_query_workspaces
from service.documents import FileSource, Reader
from tests.service.activity_log_api.test_client import NOW, HastyClock, record
from tests.service.documents.shapes import Record, row

SINCE, UNTIL = NOW - timedelta(days=1), NOW
MINUTES = list(range(1, 700, 7))
ROWS = [row({**record("sub-a", minute), "category": "Administrative"}) for minute in MINUTES]


@asynccontextmanager
async def opened(
    rows: Sequence[Record] = ROWS,
    most_rows: int = 1_000,
    limits: Mapping[str, Any] | None = None,
    give_up_after: timedelta = timedelta(hours=2),
) -> AsyncIterator[tuple[LogAnalyticsServer, LogAnalyticsApi, HastyClock, StaticCredential]]:
    clock = HastyClock()
    credential = StaticCredential(clock)
    async with (
        LogAnalyticsServer({"w1": rows, "w2": []}, credential, **(limits or {})) as server,
        LogAnalyticsApi(
            credential,
            clock,
            jitter=lambda: 0.5,
            endpoint=server.address,
            most_rows=most_rows,
            give_up_after=give_up_after,
        ) as api,
    ):
        yield server, api, clock, credential


async def read(api: LogAnalyticsApi, workspace: str = "w1") -> list[bytes]:
    return [one async for rows in api.records(workspace, SINCE, UNTIL) for one in rows]


def of_file(rows: Sequence[Record], folder: Path) -> list[bytes]:
    """What is read of a file that holds the same rows as the answer to one query."""
    ordered = sorted(rows, key=lambda one: str(one["TimeGenerated"]))
    columns = [{"name": name, "type": "string"} for name in ordered[0]]
    table = {"name": "PrimaryResult", "columns": columns, "rows": [list(one.values()) for one in ordered]}
    path = folder / "answer.json"
    path.write_text(json.dumps({"tables": [table]}, separators=(",", ":")))

    def fail(problem: object) -> None:
        raise AssertionError(problem)

    reader = Reader([FileSource("answer.json", path, path.stat().st_size)], fail)
    return [text for batch in reader for text in batch.texts]


def correlations(records: Sequence[bytes]) -> list[str]:
    return [msgspec.json.decode(one)["CorrelationId"] for one in records]


async def test_every_row_comes_once_the_oldest_first_and_as_a_file_of_the_answer_is_read(tmp_path: Path) -> None:
    async with opened() as (server, api, _, _):
        found = await read(api)
        assert [msgspec.json.decode(one) for one in found] == [
            msgspec.json.decode(one) for one in of_file(ROWS, tmp_path)
        ]
        assert [(one.since, one.until) for one in server.asked] == [(SINCE, UNTIL)]
        assert await read(api, "w2") == []


@pytest.mark.parametrize(
    ("most_rows", "limits"),
    [
        (10, {}),
        (1_000, {"most_rows": 7}),
        (1_000, {"most_bytes": 5_000}),
        (1_000, {"longest": timedelta(minutes=40)}),
    ],
    ids=["more than we ask for", "cut off after so many rows", "cut off after so many bytes", "timed out"],
)
async def test_a_slice_that_is_not_answered_whole_is_halved_until_it_is(most_rows: int, limits: dict[str, Any]) -> None:
    async with opened(ROWS, most_rows, limits) as (server, api, clock, _):
        assert correlations(await read(api)) == [f"c{minute}" for minute in reversed(MINUTES)]
        assert len(server.asked) > 10
        assert clock.slept == []


async def test_a_slice_that_will_do_is_what_the_next_day_begins_with() -> None:
    async with opened(most_rows=10) as (server, api, _, _):
        await read(api)
        spans = [one.until - one.since for one in server.asked]
        await read(api)
        following = server.asked[len(spans)]
        assert following.until - following.since < max(spans)


async def test_many_rows_at_one_instant_come_all_the_same() -> None:
    crowd = [{**ROWS[0], "CorrelationId": f"same{n}"} for n in range(50)]
    async with opened([*ROWS, *crowd], most_rows=20) as (_, api, _, _):
        assert len(await read(api)) == len(ROWS) + 50


async def test_an_instant_that_is_never_answered_whole_is_said() -> None:
    crowd = [{**ROWS[0], "CorrelationId": f"same{n}"} for n in range(50)]
    async with opened(crowd, 20, {"most_rows": 30}) as (_, api, _, _):
        with pytest.raises(ApiUnavailable, match=r"w1 does not answer for .* as a whole"):
            await read(api)


async def test_throttling_is_waited_for_as_long_as_the_api_asks_and_no_longer_than_we_wait() -> None:
    async with opened(give_up_after=timedelta(minutes=1)) as (server, api, clock, _):
        server.refuse(429, times=3, Retry_After="17")
        assert len(await read(api)) == len(ROWS)
        assert clock.slept == [17.0, 17.0, 17.0]
        server.refuse(503, times=100)
        with pytest.raises(ApiUnavailable, match="within 1m: 503"):
            await read(api)


async def test_a_token_that_is_refused_between_two_slices_is_renewed_once() -> None:
    async with opened(most_rows=10) as (_, api, clock, credential):
        slices = api.records("w1", SINCE, UNTIL)
        first = await anext(slices)
        credential.revoke()
        rest = [one async for rows in slices for one in rows]
        assert len(first) + len(rest) == len(ROWS)
        assert (credential.issued, clock.slept) == (2, [])


async def test_what_somebody_between_us_answers_is_trouble_and_no_answer() -> None:
    async with opened() as (server, api, clock, _):
        server.interpose(502)
        assert len(await read(api)) == len(ROWS)
        assert clock.slept == [1.0]
        server.interpose(200)
        with pytest.raises(ApiUnavailable, match="no JSON of Azure's"):
            await read(api)


@pytest.mark.parametrize(
    ("workspace", "said"), [("w1", "403 InsufficientAccessError"), ("w9", "404 PathNotFoundError")]
)
async def test_a_workspace_that_may_not_be_read_or_is_none_is_refused_at_once(workspace: str, said: str) -> None:
    async with opened() as (server, api, clock, _):
        server.forbidden.add("w1")
        with pytest.raises(ApiRefused) as refused:
            await read(api, workspace)
        assert (str(refused.value), clock.slept) == (said, [])


def test_without_its_library_it_is_known_that_no_workspace_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_query_workspaces()
    monkeypatch.setitem(sys.modules, "azure.monitor.query", None)
    assert not can_query_workspaces()
