import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from azure.storage.blob.aio import ContainerClient
from pydantic import JsonValue

from service.core.parsing.rejects import Reject, RejectReason
from service.core.ports import DeadLetterStore
from service.storage.dead_letter import BlobDeadLetterStore, FileDeadLetterStore, reject_entry
from tests.fakes.clock import FakeClock

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # Azurite's, published
DAY = datetime(2024, 5, 1, 8, tzinfo=UTC)


def rejects(*samples: str) -> list[dict[str, JsonValue]]:
    return [reject_entry(Reject(RejectReason.BAD_TIME, sample, "cannot read")) for sample in samples]


def sizes(directory: Path) -> list[int]:
    return [file.stat().st_size for file in directory.iterdir()]


def samples(*paths: Path) -> list[str]:
    return [json.loads(line)["sample"] for path in paths for line in path.read_text().splitlines()]


async def test_a_reject_is_one_line_of_json(tmp_path: Path) -> None:
    letters: DeadLetterStore = FileDeadLetterStore(tmp_path / "deep" / "rejects.ndjson", FakeClock(DAY))

    await letters.write(rejects("two\nlines, ünïcode"))

    (line,) = (tmp_path / "deep" / "rejects.ndjson").read_text().splitlines()
    assert json.loads(line) == {
        "written": "2024-05-01T08:00:00.000+00:00",
        "reason": "bad_time",
        "detail": "cannot read",
        "sample": "two\nlines, ünïcode",
    }
    assert (letters.written, letters.dropped) == (1, 0)


async def test_nothing_to_write_makes_no_file(tmp_path: Path) -> None:
    await FileDeadLetterStore(tmp_path / "r", FakeClock(DAY)).write([])

    assert sizes(tmp_path) == []


async def test_old_rejects_make_room_and_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    letters = FileDeadLetterStore(path, FakeClock(DAY), max_bytes=300, generations=2)

    for number in range(20):
        await letters.write(rejects(f"{number:02}"))

    kept = samples(*(path.with_name(name) for name in ("r.ndjson.2", "r.ndjson.1", "r.ndjson")))
    assert kept == [f"{number:02}" for number in range(20 - len(kept), 20)]
    assert sum(sizes(tmp_path)) <= 900
    assert (letters.written, letters.dropped) == (20, 20 - len(kept))


async def test_a_batch_larger_than_a_file_keeps_its_newest_part(tmp_path: Path) -> None:
    path = tmp_path / "r"
    letters = FileDeadLetterStore(path, FakeClock(DAY), max_bytes=300, generations=0)

    await letters.write(rejects(*(f"{number:02}" for number in range(10)), "x" * 1000))

    assert samples(path)[-1] == "09"
    assert path.stat().st_size <= 300
    assert letters.dropped == 11 - len(samples(path))


async def test_a_restart_goes_on_where_the_file_ends(tmp_path: Path) -> None:
    path = tmp_path / "r"
    for word in ("before", "after"):
        await FileDeadLetterStore(path, FakeClock(DAY)).write(rejects(word))

    assert samples(path) == ["before", "after"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
async def test_a_full_disk_is_counted_and_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.symlink_to("/dev/full")
    letters = FileDeadLetterStore(path, FakeClock(DAY))

    await letters.write(rejects("a", "b"))
    assert (letters.written, letters.dropped) == (0, 2)

    path.unlink()
    await letters.write(rejects("c"))
    assert samples(path) == ["c"]
    assert (letters.written, letters.dropped) == (1, 2)


async def test_a_directory_in_the_way_is_counted(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    letters = FileDeadLetterStore(tmp_path / "r", FakeClock(DAY))

    await letters.write(rejects("a"))

    assert (letters.written, letters.dropped) == (0, 1)


async def test_writers_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "r"
    letters = FileDeadLetterStore(path, FakeClock(DAY))

    await asyncio.gather(*(letters.write(rejects(f"{n}a", f"{n}b")) for n in range(5)))

    found = samples(path)
    assert len(found) == 10
    assert all(found[place][0] == found[place + 1][0] for place in range(0, 10, 2))


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
async def test_rejects_are_for_the_owner_alone(tmp_path: Path) -> None:
    await FileDeadLetterStore(tmp_path / "r", FakeClock(DAY)).write(rejects("a"))

    assert (tmp_path / "r").stat().st_mode & 0o077 == 0


class AppendBlobs:
    """As much of the Blob service as append blobs need: Put Blob, Append Block and their conditions."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.down = False

    async def handle(self, request: web.Request) -> web.Response:
        body, name = await request.read(), request.path
        if self.down:
            return self._refuse(403, "AuthorizationFailure")
        if request.query.get("comp") == "appendblock":
            if name not in self.blobs:
                return self._refuse(404, "BlobNotFound")
            bound = int(request.headers.get("x-ms-blob-condition-maxsize", 1 << 40))
            if len(self.blobs[name]) + len(body) > bound:
                return self._refuse(412, "MaxBlobSizeConditionNotMet")
            self.blobs[name] += body
        elif name in self.blobs and request.headers.get("If-None-Match") == "*":
            return self._refuse(409, "BlobAlreadyExists")
        else:
            self.blobs[name] = b""
        return web.Response(status=201, headers={"ETag": '"0x1"', "Last-Modified": "Wed, 01 May 2024 08:00:00 GMT"})

    @staticmethod
    def _refuse(status: int, code: str) -> web.Response:
        return web.Response(
            status=status,
            headers={"x-ms-error-code": code, "Content-Type": "application/xml"},
            text=f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>",
        )


async def test_what_was_written_is_read_in_its_order_since_then_over_all_generations(tmp_path: Path) -> None:
    clock, path = FakeClock(DAY), tmp_path / "r.ndjson"
    letters = FileDeadLetterStore(path, clock, max_bytes=250, generations=3)
    assert await letters.read(DAY) == []
    for number in range(6):
        await letters.write(rejects(str(number)))
        await clock.advance(60)
    path.write_bytes(path.read_bytes() + b'{"written":"2024-05-01T08:0\n7\n{}\n\xff\n')
    await letters.write(rejects("after the damage"))

    assert len(sizes(tmp_path)) > 2
    found = [entry["sample"] for entry in await letters.read(DAY)]
    assert found == ["0", "1", "2", "3", "4", "5", "after the damage"]
    assert [entry["sample"] for entry in await letters.read(DAY + timedelta(minutes=5))] == ["5", "after the damage"]


@pytest.fixture
async def service() -> AsyncIterator[tuple[AppendBlobs, ContainerClient]]:
    blobs = AppendBlobs()
    app = web.Application()
    app.router.add_route("PUT", "/{path:.*}", blobs.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    url = f"http://127.0.0.1:{port}/devstoreaccount1/unwonted"
    async with ContainerClient.from_container_url(url, credential=KEY, retry_total=0) as container:
        yield blobs, container
    await runner.cleanup()


def blob_lines(body: bytes) -> list[str]:
    return [json.loads(line)["sample"] for line in body.decode().splitlines()]


@pytest.mark.integration
async def test_each_day_has_its_blob(service: tuple[AppendBlobs, ContainerClient]) -> None:
    blobs, container = service
    clock = FakeClock(DAY)
    letters: DeadLetterStore = BlobDeadLetterStore(container, clock)

    await letters.write(rejects("one", "two"))
    await letters.write([])
    await BlobDeadLetterStore(container, clock).write(rejects("three, after a restart"))
    await clock.advance(86_400)
    await letters.write(rejects("four"))

    assert {name: blob_lines(body) for name, body in blobs.blobs.items()} == {
        "/devstoreaccount1/unwonted/rejects/2024-05-01.ndjson": ["one", "two", "three, after a restart"],
        "/devstoreaccount1/unwonted/rejects/2024-05-02.ndjson": ["four"],
    }
    assert (letters.written, letters.dropped) == (3, 0)


@pytest.mark.integration
async def test_a_full_day_drops_and_counts_and_the_next_day_starts_over(
    service: tuple[AppendBlobs, ContainerClient],
) -> None:
    blobs, container = service
    clock = FakeClock(DAY)
    letters = BlobDeadLetterStore(container, clock, max_bytes=150)

    for word in ("fits", "does not", "nor this"):
        await letters.write(rejects(word))
    await clock.advance(86_400)
    await letters.write(rejects("next day"))

    assert [blob_lines(body) for body in blobs.blobs.values()] == [["fits"], ["next day"]]
    assert (letters.written, letters.dropped) == (2, 2)


@pytest.mark.integration
async def test_a_refusing_storage_account_is_counted_and_harms_nobody(
    service: tuple[AppendBlobs, ContainerClient],
) -> None:
    blobs, container = service
    letters = BlobDeadLetterStore(container, FakeClock(DAY))

    blobs.down = True
    await letters.write(rejects("lost"))
    blobs.down = False
    await letters.write(rejects("kept"))

    assert [blob_lines(body) for body in blobs.blobs.values()] == [["kept"]]
    assert (letters.written, letters.dropped) == (1, 1)


@pytest.mark.integration
async def test_a_blob_that_somebody_deletes_is_made_again(service: tuple[AppendBlobs, ContainerClient]) -> None:
    blobs, container = service
    letters = BlobDeadLetterStore(container, FakeClock(DAY))

    await letters.write(rejects("deleted"))
    blobs.blobs.clear()
    await letters.write(rejects("lost"))
    await letters.write(rejects("kept"))

    assert [blob_lines(body) for body in blobs.blobs.values()] == [["kept"]]
    assert (letters.written, letters.dropped) == (2, 1)


@pytest.fixture
def azurite(tmp_path: Path) -> Iterator[str]:
    where = f"{Path(__file__).parents[3] / 'node_modules' / '.bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    command = shutil.which("azurite-blob", path=where)
    if command is None:
        pytest.skip("NO AZURITE: run npm ci")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--location", str(tmp_path)]
    with subprocess.Popen(
        [command, *arguments, "--blobHost", "127.0.0.1", "--blobPort", str(port)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert any("listens" in line for line in process.stdout)
        yield f"http://127.0.0.1:{port}/devstoreaccount1/unwonted"
        process.terminate()


@pytest.mark.integration
async def test_azurite_takes_the_rejects_too(azurite: str) -> None:
    async with ContainerClient.from_container_url(azurite, credential=KEY) as container:
        assert await BlobDeadLetterStore(container, FakeClock(DAY)).read(DAY) == []
        await container.create_container()
        letters = BlobDeadLetterStore(container, FakeClock(DAY))
        await letters.write(rejects("one", "two"))
        await BlobDeadLetterStore(container, FakeClock(DAY)).write(rejects("three"))
        blob = await container.get_blob_client("rejects/2024-05-01.ndjson").download_blob()

        assert blob_lines(await blob.readall()) == ["one", "two", "three"]
        assert blob.properties.blob_type == "AppendBlob"

        later = FakeClock(DAY + timedelta(days=1))
        await BlobDeadLetterStore(container, later).write(rejects("four"))
        await BlobDeadLetterStore(container, later, prefix="rejects-undelivered").write(rejects("another"))
        for since, count in ((DAY, 4), (DAY + timedelta(hours=1), 1), (DAY + timedelta(days=2), 0)):
            assert len(await BlobDeadLetterStore(container, later).read(since)) == count


@pytest.mark.integration
async def test_a_container_that_cannot_be_read_is_said(service: tuple[AppendBlobs, ContainerClient]) -> None:
    _, container = service
    with pytest.raises(OSError, match="container unwonted"):
        await BlobDeadLetterStore(container, FakeClock(DAY)).read(DAY)
