import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob.aio import ContainerClient

from service.learning import ARCHIVE_CONTAINER, ArchiveRefused, Spool, TenantHistory, archive_pieces, download
from tests.fakes.azurite import azurite, find_azurite

pytestmark = pytest.mark.integration
SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


def place(hour: datetime) -> str:
    return f"resourceId=/SUBSCRIPTIONS/S/y={hour:%Y}/m={hour:%m}/d={hour:%d}/h={hour:%H}/m=00/PT1H.json"


@pytest.fixture
async def container() -> AsyncIterator[ContainerClient]:
    script = find_azurite()
    if script is None:
        pytest.skip("Azurite is not installed: npm ci")
    with azurite(script) as account:
        async with ContainerClient.from_connection_string(account.connection_string, ARCHIVE_CONTAINER) as client:
            yield client


async def fetched(container: ContainerClient, folder: Path) -> tuple[list[dict[str, str]], tuple[int, int]]:
    with Spool(folder) as spool:
        done = await download(archive_pieces(container, SINCE, UNTIL), spool, refusal=ArchiveRefused)
        rows = [json.loads(line) for path in spool.files() for line in gzip.decompress(path.read_bytes()).splitlines()]
        return rows, (done.fetched, done.resumed)


async def test_an_archive_is_read_hour_by_hour_resumed_and_an_hour_that_has_grown_is_read_again(
    container: ContainerClient, tmp_path: Path
) -> None:
    await container.create_container()
    for hours in range(-3, 27):
        hour = SINCE + timedelta(hours=hours)
        lines = "".join(f'{{"h":"{hours}","n":"{n}"}}\n' for n in range(3))
        await container.upload_blob(place(hour), lines)
    await container.upload_blob("resourceId=/SUBSCRIPTIONS/S/readme.txt", b"not ours")

    rows, counts = await fetched(container, tmp_path)
    assert counts == (24, 0)
    assert [row["h"] for row in rows[::3]] == [str(hour) for hour in range(24)]

    await container.upload_blob(place(SINCE + timedelta(hours=23)), b'{"h":"23","n":"9"}', overwrite=True)
    _, counts = await fetched(container, tmp_path)
    assert counts == (1, 23)


async def test_an_archive_alone_is_a_history_with_one_origin(container: ContainerClient, tmp_path: Path) -> None:
    await container.create_container()
    for hours in (3, 30):
        await container.upload_blob(place(SINCE + timedelta(hours=hours)), f'{{"h":"{hours}"}}\n'.encode())
    days = TenantHistory(
        None,
        None,
        container,
        subscriptions=(),
        management_group=None,
        workspaces=(),
        days=1,
        now=lambda: UNTIL + timedelta(hours=12),
    )
    with Spool(tmp_path) as spool:
        done = await days.fetch(spool)
    assert (done.origins, done.fetched, done.records, done.refused) == (1, 2, 2, {})
    assert [gzip.decompress(file.path.read_bytes()) for file in done.files if file.path] == [
        b'{"h":"3"}\n',
        b'{"h":"30"}\n',
    ]


async def test_an_archive_that_may_not_be_read_is_refused_in_one_line(
    container: ContainerClient, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveRefused, match="404 ContainerNotFound"):
        await fetched(container, tmp_path)
