"""Where snapshots are kept: a folder, or a blob. Both are atomic; both know nothing of what is in a snapshot.

Encoding is `snapshot_codec`'s work, deciding when to save the application's.
"""

import asyncio
import contextlib
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

from service.core.ports import SnapshotFenced

if TYPE_CHECKING:  # whoever hands in a client has imported it
    from azure.storage.blob.aio import BlobClient, ContainerClient

CURRENT = "snapshot.ndjson.gz"
PREVIOUS = "snapshot.previous.ndjson.gz"


class FileSnapshotStore:
    """Two generations in a folder: written aside, flushed to the disk, then renamed into place.

    Parameters
    ----------
    folder
        Made when missing. One process at a time may write to it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def load(self) -> list[bytes]:
        """Return what there is, newest first."""
        return await asyncio.to_thread(self._load)

    def _load(self) -> list[bytes]:
        found = []
        for name in (CURRENT, PREVIOUS):
            # Whoever looks on while another process saves may come between two renames.
            with contextlib.suppress(FileNotFoundError):
                found.append((self.folder / name).read_bytes())
        return found

    async def save(self, data: bytes) -> None:
        """Keep `data` as the newest generation.

        Raises
        ------
        OSError
            Disk full, or not ours to write; the older generations are untouched.
        """
        await asyncio.to_thread(self._save, data)

    def _save(self, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        current, fresh = self.folder / CURRENT, self.folder / f"{CURRENT}.new"
        try:
            with fresh.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        if current.exists():
            current.replace(self.folder / PREVIOUS)
        fresh.replace(current)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class BlobSnapshotStore:
    """One blob, replaced by a single conditional PUT: atomic, and a second writer is found out at once.

    The generation before is kept beside it, as it was when this process last replaced it.

    Parameters
    ----------
    container
        Client of the container; made if it does not exist.
    name
        Name of the blob.
    """

    def __init__(self, container: "ContainerClient", name: str) -> None:
        self._container = container
        self._blob = container.get_blob_client(name)
        self._previous = container.get_blob_client(f"{name}.previous")
        self._etag: str | None = None
        self._last: bytes | None = None
        self._unanswered: set[bytes] = set()

    async def load(self) -> list[bytes]:
        """Return what there is, newest first; creates the container if there is none.

        Raises
        ------
        OSError
            The service cannot be reached, or says no.
        """
        try:
            current, self._etag = await self._get(self._blob)
            previous, _ = await self._get(self._previous)
        except AzureError as error:
            raise self._trouble("read", error) from error
        self._last = current
        return [data for data in (current, previous) if data is not None]

    def _trouble(self, done: str, error: AzureError) -> OSError:
        # Name by name: the blob's address may carry a signature. The first line says what, the rest is for Microsoft.
        blob, what = self._blob, str(error).strip().partition("\n")[0]
        place = f"blob {blob.blob_name} in container {blob.container_name} of account {blob.account_name}"
        return OSError(f"the snapshot ({place}) cannot be {done} ({type(error).__name__}: {what})")

    async def _get(self, blob: "BlobClient") -> tuple[bytes | None, str | None]:
        try:
            stream = await blob.download_blob()
        except ResourceNotFoundError as error:
            # Only then: a role on the container alone does not allow to ask for what exists already.
            if getattr(error, "error_code", None) == "ContainerNotFound":
                with contextlib.suppress(ResourceExistsError):
                    await self._container.create_container()
            return None, None
        return await stream.readall(), stream.properties.etag

    async def save(self, data: bytes) -> None:
        """Replace the blob if nobody else has since we last read or wrote it.

        Raises
        ------
        SnapshotFenced
            Somebody else has.
        OSError
            The service cannot be reached, or says no.
        """
        self._unanswered.add(sha256(data).digest())
        try:
            await self._put(data)
            if self._last is not None:
                await self._previous.upload_blob(self._last, overwrite=True)
        except AzureError as error:
            raise self._trouble("written", error) from error
        self._last = data

    async def _put(self, data: bytes) -> None:
        condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        if self._etag is not None:
            condition = {"etag": self._etag, "match_condition": MatchConditions.IfNotModified}
        try:
            answer = await self._blob.upload_blob(data, overwrite=True, **condition)
            self._etag = answer["etag"]
        except (ResourceModifiedError, ResourceExistsError) as error:
            # A PUT whose answer was lost may have arrived: its repetition, or the next one, meets our own write.
            there, etag = await self._get(self._blob)
            if there is None or sha256(there).digest() not in self._unanswered:
                raise SnapshotFenced("another instance has written the snapshot since") from error
            self._etag = etag
            if there != data:
                await self._put(data)
        self._unanswered.clear()
