"""Where the lines of the journal are kept: in a file that only grows, or as blobs that are written once.

A line is on the disk, or in the storage account, before whoever gave the verdict is told that it is kept. Nothing is
ever changed or taken away: what people found is a record. What is in a line is of no concern here.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from service.core.verdicts import Line
from service.waiting import OneAside

if TYPE_CHECKING:  # whoever hands in a client has imported it
    from azure.storage.blob.aio import ContainerClient

_MOST_BYTES = 100_000_000
_WITHIN = 10.0  # seconds
_OURS_ALONE = 0o600


class FileVerdictStore:
    """Lines of a file, each added with one write and flushed to the disk.

    Parameters
    ----------
    path
        Made when missing, for its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reading, self._adding = OneAside(_WITHIN), OneAside(_WITHIN)
        self._turn = asyncio.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._lines: Sequence[Line] = ()

    async def read(self) -> Sequence[Line]:
        """Return all lines that are there, each with its place; the same object while nothing has been added.

        Raises
        ------
        OSError
            The file is there, and cannot be read.
        """
        return await self._reading.run(self._read)

    async def append(self, name: str, line: bytes) -> None:
        """Add a line durably, after those that are being added; `name` is of no use here.

        Raises
        ------
        OSError
            Disk full, or not ours to write: nothing has been kept, or half a line that is passed over.
        """
        async with self._turn:
            await self._adding.run(self._append, line)

    def _read(self) -> Sequence[Line]:
        try:
            with self.path.open("rb") as file:
                known = os.fstat(file.fileno())
                stamp = known.st_ino, known.st_size, known.st_mtime_ns
                if stamp == self._stamp:
                    return self._lines
                data = file.read(_MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            self._stamp, self._lines = None, ()
            return self._lines
        name = self.path.name
        self._lines = tuple((f"{name}: line {at}", text) for at, text in enumerate(data.splitlines(), 1))
        self._stamp = stamp
        return self._lines

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, _OURS_ALONE)
        try:
            # Whoever wrote last may have died in the middle: its line must not swallow ours.
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            data = b"\n" + line if torn else line
            written = os.write(descriptor, data)
            if written != len(data):
                raise OSError(f"only {written:,} of {len(data):,} bytes were written: is the disk full?")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if fresh:
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


class BlobVerdictStore:
    """One blob a verdict, under a common prefix, each written once.

    Parameters
    ----------
    container
        Client of the container; made when something is to be written and there is none.
    prefix
        What the names of the blobs begin with.
    """

    def __init__(self, container: "ContainerClient", prefix: str) -> None:
        self._container = container
        self._prefix = prefix
        self._known: dict[str, bytes] = {}
        self._lines: Sequence[Line] = ()

    async def read(self) -> Sequence[Line]:
        """Return what there is, each with its place, in the order of the names; the same object if nothing is new.

        Raises
        ------
        OSError
            The service cannot be reached, or says no.
        """
        try:
            names = [one async for one in self._container.list_blob_names(name_starts_with=f"{self._prefix}/")]
            new = [name for name in names if name not in self._known]
            for name in new:
                stream = await self._container.download_blob(name)
                self._known[name] = await stream.readall()
        except ResourceNotFoundError:
            return self._lines
        except AzureError as error:
            raise self._trouble("read", error) from error
        if new:
            self._lines = tuple(sorted(self._known.items()))
        return self._lines

    async def append(self, name: str, line: bytes) -> None:
        """Write a line as the blob `name`, once: the same again changes nothing.

        Raises
        ------
        OSError
            The service cannot be reached, or says no.
        """
        blob = f"{self._prefix}/{name}"
        try:
            try:
                await self._container.upload_blob(blob, line, overwrite=False, validate_content=True)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):  # made by somebody else meanwhile
                    await self._container.create_container()
                await self._container.upload_blob(blob, line, overwrite=False, validate_content=True)
        except ResourceExistsError:
            pass  # an upload whose answer was lost, or the same verdict given twice
        except AzureError as error:
            raise self._trouble("written", error) from error

    def _trouble(self, done: str, error: AzureError) -> OSError:
        # Name by name, and the first line alone: the address of the container may carry a signature.
        what = str(error).strip().partition("\n")[0]
        where = f"{self._prefix}/ in container {self._container.container_name}"
        return OSError(f"the journal of verdicts ({where}) cannot be {done} ({type(error).__name__}: {what})")
