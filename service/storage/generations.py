"""Keeps one snapshot a day for a while, so that there is something to go back to; beside those that a restart uses.

Whether and when a state goes back is for people to say; what is in a snapshot is of no concern here.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from service.storage.blob_trouble import blob_trouble
from service.waiting import OneAside

if TYPE_CHECKING:  # whoever hands in a client has imported it
    from azure.storage.blob.aio import ContainerClient

_OURS_ALONE = 0o600
_DAILY = re.compile(r"\.daily-(\d{4}-\d\d-\d\d)(?:\.ndjson\.gz)?$")


class GenerationStore(Protocol):
    """Keeps whole snapshots by the day on which they were taken."""

    async def keep(self, day: date, data: bytes) -> None:
        """Keep the first snapshot of a day durably, and forget the oldest beyond the bound; raises `OSError`."""
        ...

    async def names(self) -> Sequence[str]:
        """Return the names of those that are kept, newest first; raises `OSError`."""
        ...

    async def read(self, name: str) -> bytes:
        """Return one of them; raises `OSError`."""
        ...


class FileGenerations:
    """Files in the folder of the snapshots.

    Parameters
    ----------
    folder
        That folder.
    most
        How many days are kept.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._aside = OneAside()

    async def keep(self, day: date, data: bytes) -> None:
        """Keep `data`, unless the day has its snapshot."""
        await self._aside.run(self._keep, f"snapshot.daily-{day.isoformat()}.ndjson.gz", data)

    async def names(self) -> Sequence[str]:
        """Return the names of the files, newest first."""
        return await self._aside.run(self._names)

    async def read(self, name: str) -> bytes:
        """Return what is in one of them."""
        return await self._aside.run((self._folder / name).read_bytes)

    def _names(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return newest_first(path.name for path in self._folder.iterdir())
        return []

    def _keep(self, name: str, data: bytes) -> None:
        path, part = self._folder / name, self._folder / f"{name}.part"
        if path.exists():
            return
        part.unlink(missing_ok=True)
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OURS_ALONE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        for old in self._names()[self._most :]:
            (self._folder / old).unlink(missing_ok=True)


class BlobGenerations:
    """Blobs beside that of the snapshot.

    Parameters
    ----------
    container
        Client of the container, which is there when there is a snapshot.
    name
        Name of the blob of the snapshot.
    most
        How many days are kept.
    """

    def __init__(self, container: "ContainerClient", name: str, most: int) -> None:
        self._container = container
        self._prefix = f"{name}.daily-"
        place = f"blobs {self._prefix}… in container {container.container_name}"
        self._trouble = partial(blob_trouble, "the kept snapshots", place)
        self._most = most

    async def keep(self, day: date, data: bytes) -> None:
        """Keep `data`, unless the day has its snapshot."""
        try:
            with contextlib.suppress(ResourceExistsError):
                name = f"{self._prefix}{day.isoformat()}"
                await self._container.upload_blob(name, data, overwrite=False, validate_content=True)
            for old in (await self._names())[self._most :]:
                with contextlib.suppress(ResourceNotFoundError):
                    await self._container.delete_blob(old)
        except AzureError as error:
            raise self._trouble(error) from error

    async def names(self) -> Sequence[str]:
        """Return the names of the blobs, newest first."""
        try:
            return await self._names()
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            raise self._trouble(error) from error

    async def read(self, name: str) -> bytes:
        """Return what is in one of them."""
        try:
            return await (await self._container.download_blob(name)).readall()
        except AzureError as error:
            raise self._trouble(error) from error

    async def _names(self) -> list[str]:
        return newest_first([one async for one in self._container.list_blob_names(name_starts_with=self._prefix)])


def newest_first(names: Iterable[str]) -> list[str]:
    """Return those of `names` that are snapshots of a day, newest first.

    >>> newest_first(["a.daily-2026-03-01", "a.daily-2026-03-02.ndjson.gz", "a.previous", "a.daily-2026-03-03.part"])
    ['a.daily-2026-03-02.ndjson.gz', 'a.daily-2026-03-01']
    """
    dated = [(found[1], name) for name in names if (found := _DAILY.search(name))]
    return [name for _, name in sorted(dated, reverse=True)]
