"""Pieces of an archive and of the API: their names, their lines, and what a storage account refuses."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.storage.blob.aio import ContainerClient

from service.activity_log_api import ActivityLogApi
from service.learning import sources
from service.learning.sources import ArchiveRefused, api_pieces, archive_pieces

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
PLACE = "resourceId=/SUBSCRIPTIONS/S/y=2026/m={}/d=01/h=10/m=00/PT1H.json"


class Api:
    """Answers with what it was asked for."""

    async def records(self, subscription: str, since: datetime, until: datetime) -> AsyncIterator[list[bytes]]:
        yield [f"{subscription} {since:%d}-{until:%d}".encode()]


class Container:
    """A container whose blobs come in the parts in which they are written down here, or not at all."""

    container_name = "insights-activity-logs"
    primary_hostname = "contosologs.blob.core.windows.net"

    def __init__(self, blobs: dict[str, Sequence[bytes]], failure: Exception | None = None) -> None:
        self._blobs = blobs
        self._failure = failure

    async def list_blobs(self) -> AsyncIterator[SimpleNamespace]:
        for name in self._blobs:
            yield SimpleNamespace(name=name, etag="1")

    async def download_blob(self, name: str) -> SimpleNamespace:
        if self._failure is not None:
            raise self._failure

        async def chunks() -> AsyncIterator[bytes]:
            for part in self._blobs[name]:
                yield part

        return SimpleNamespace(chunks=chunks)


async def lines_of(container: Container) -> list[list[bytes]]:
    pieces = archive_pieces(cast("ContainerClient", container), SINCE, UNTIL)
    return [page async for piece in pieces async for page in piece.pages()]


def answer(status: int) -> HttpResponseError:
    error = HttpResponseError("no")
    error.status_code = status
    return error


async def test_the_api_is_asked_day_by_day_for_all_subscriptions_the_oldest_first() -> None:
    pieces = [
        piece async for piece in api_pieces(cast("ActivityLogApi", Api()), ["b", "a"], SINCE, UNTIL, lambda: UNTIL)
    ]

    assert [piece.origin for piece in pieces] == ["a", "b", "a", "b"]
    assert [page for piece in pieces async for page in piece.pages()] == [
        [b"a 01-02"],
        [b"b 01-02"],
        [b"a 02-03"],
        [b"b 02-03"],
    ]
    assert len({piece.name for piece in pieces}) == 4


async def test_a_line_may_be_torn_anywhere_and_the_last_needs_no_end() -> None:
    text = b'{"n":1}\r\n\n{"n":2}\n {"n":3}'
    for cut in range(len(text)):
        pages = await lines_of(Container({PLACE.format("03"): [text[:cut], text[cut:]]}))
        assert [line for page in pages for line in page] == [b'{"n":1}', b'{"n":2}', b'{"n":3}']


async def test_a_line_that_does_not_end_is_handed_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LONGEST_LINE", 4)
    pages = await lines_of(Container({PLACE.format("03"): [b"aaa", b"aaa", b"b\n", b"c\n"]}))

    assert [line for page in pages for line in page] == [b"aaaaaa", b"b", b"c"]


@pytest.mark.parametrize("name", ["readme.json", PLACE.format("13"), PLACE.format("02"), PLACE.format("04")])
async def test_what_is_no_hour_of_the_span_is_left_out(name: str) -> None:
    assert await lines_of(Container({name: [b"{}\n"]})) == []


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (answer(403), "403 HttpResponseError"),
        (answer(404), "404 HttpResponseError"),
        (ClientAuthenticationError("nobody\nis signed in"), "cannot sign in: nobody is signed in"),
    ],
)
async def test_a_blob_that_may_not_be_read_is_a_refusal_in_a_word(failure: Exception, said: str) -> None:
    with pytest.raises(ArchiveRefused) as refused:
        await lines_of(Container({PLACE.format("03"): []}, failure))
    assert str(refused.value) == said


@pytest.mark.parametrize("failure", [answer(503), ServiceRequestError("no route to SECRET")])
async def test_an_account_that_cannot_be_reached_is_tried_again_and_its_words_are_not_repeated(failure: Any) -> None:
    with pytest.raises(OSError, match="cannot be read") as trouble:
        await lines_of(Container({PLACE.format("03"): []}, failure))
    assert "the archive contosologs.blob.core.windows.net/insights-activity-logs " in str(trouble.value)
    assert "SECRET" not in str(trouble.value)
