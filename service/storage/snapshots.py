"""Where snapshots are kept: a folder, or blobs. Both are atomic; both know nothing of what is in a snapshot.

Three generations at most: the newest two, of which each was compared after it was written, and the one that the
process began with, which is proven to load. What could not be loaded is set aside for people to look at. Encoding is
`service.core.snapshot`'s work, deciding when to save the application's, whether what was loaded is any good `state`'s.
"""

import contextlib
import errno
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from service.core.ports import Generation, SnapshotFenced
from service.storage.blob_trouble import blob_trouble
from service.waiting import OneAside

if TYPE_CHECKING:  # whoever hands in a client has imported it
    from azure.storage.blob.aio import BlobClient, ContainerClient

CURRENT = "snapshot.ndjson.gz"
PREVIOUS = "snapshot.previous.ndjson.gz"
RESTORED = "snapshot.restored.ndjson.gz"
NEW = f"{CURRENT}.new"
SET_ASIDE = 3
"""How many unusable snapshots are kept; older ones make room."""

_PART = f"{CURRENT}.part"
_ASIDE = "snapshot.set-aside-{}.ndjson.gz"
_NEWEST_FIRST = (NEW, CURRENT, PREVIOUS, RESTORED)
_OURS_ALONE = 0o600
_OVERTAKEN = "another instance has written the snapshot since"


class FileSnapshotStore:
    """A folder: written aside, flushed to the disk and compared, then renamed into place.

    Parameters
    ----------
    folder
        Made when missing, for its owner alone. One process at a time may write to it.
    fence
        Raises `SnapshotFenced` if that is not this process; asked before anything is replaced.
    """

    def __init__(self, folder: Path, fence: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self._fence = fence
        self._aside = OneAside()
        self._offered: list[str] = []
        self._accepted: str | None = None
        self._unusable: list[str] = []
        self._own = False

    async def load(self) -> AsyncIterator[Generation]:
        """Yield what there is, newest first; a newer one that was on its way into place when its writer died, too."""
        self._offered = []
        for name in _NEWEST_FIRST:
            # Whoever looks on while another process saves may come between two renames.
            with contextlib.suppress(FileNotFoundError):
                data = await self._aside.run((self.folder / name).read_bytes)
                self._offered.append(name)
                yield Generation(name, data)

    def accept(self) -> None:
        """Hold what `load` yielded last for good, and what it yielded before that for unusable."""
        *self._unusable, self._accepted = self._offered

    async def save(self, data: bytes) -> None:
        """Keep `data` as the newest generation.

        Raises
        ------
        SnapshotFenced
            Another process has taken over.
        OSError
            Disk full, not ours to write, or not what it should be when read again, or an earlier write has not come
            back; the older generations are untouched.
        """
        await self._aside.run(self._save, data)

    def _save(self, data: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write(_PART, data)
        self._fence()
        if self._accepted == NEW:
            # Its writer died before it was in place; what it should have replaced is older.
            self._move(CURRENT, PREVIOUS)
            self._move(NEW, CURRENT)
            self._accepted = CURRENT
        elif NEW in self._unusable:
            self._set_aside(NEW)
        self._move(_PART, NEW)
        self._sync()
        self._make_room()
        self._move(NEW, CURRENT)
        self._own = True
        self._sync()

    def _make_room(self) -> None:
        """Move away what stands where the newest generation is to be; what is left is older, newest first."""
        for name in list(self._unusable):
            self._set_aside(name)
        if self._accepted is not None:
            if self._accepted != PREVIOUS:
                (self.folder / PREVIOUS).unlink(missing_ok=True)
            if self._accepted != RESTORED:
                self._move(self._accepted, RESTORED)
            self._accepted = None
        elif self._own:
            self._move(CURRENT, PREVIOUS)
        else:
            self._set_aside(CURRENT)

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        try:
            # Opened again each time, and by nobody else: neither a link nor the rights of an older file count.
            with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OURS_ALONE), "w+b", buffering=0) as file:
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
                os.fsync(file.fileno())
                if not _holds(file.fileno(), data):
                    raise OSError(errno.EIO, "what was written is not what is read again", str(path))
        except OSError:
            path.unlink(missing_ok=True)
            raise

    def _set_aside(self, name: str) -> None:
        kept = numbers_aside(path.name for path in self.folder.iterdir())
        self._move(name, _ASIDE.format(max(kept, default=0) + 1))
        for number in kept[: -(SET_ASIDE - 1)]:
            (self.folder / _ASIDE.format(number)).unlink(missing_ok=True)
        self._unusable = [one for one in self._unusable if one != name]

    def _move(self, name: str, to: str) -> None:
        """Give a file another name; what people have taken away meanwhile is no reason to fail."""
        with contextlib.suppress(FileNotFoundError):
            (self.folder / name).replace(self.folder / to)
            # Earlier versions let others read; a volume without such rights may refuse.
            with contextlib.suppress(OSError):
                (self.folder / to).chmod(_OURS_ALONE)

    def _sync(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def numbers_aside(names: Iterable[str]) -> list[int]:
    """Return the numbers of those of `names` that were set aside, in order.

    >>> numbers_aside(["snapshot.set-aside-12.ndjson.gz", "snapshot.ndjson.gz", "snapshot.set-aside-2"])
    [2, 12]
    """
    return sorted(int(found[1]) for name in names if (found := re.search(r"\.set-aside-(\d+)(?:\.|$)", name)))


def _holds(descriptor: int, data: bytes) -> bool:
    """Whether a file that has been flushed holds `data`, read from the disk where the system can be told so."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.lseek(descriptor, 0, os.SEEK_SET)
    at = 0
    while block := os.read(descriptor, 1 << 20):
        if block != data[at : at + len(block)]:
            return False
        at += len(block)
    return at == len(data)


class BlobSnapshotStore:
    """One blob, replaced by a single conditional PUT: atomic, and a second writer is found out at once.

    The older generations are blobs beside it, ``.previous`` and ``.restored``. The storage service checks what arrives.

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
        self._restored = container.get_blob_client(f"{name}.restored")
        place = f"blob {name} in container {container.container_name} of account {container.account_name}"
        self._trouble = partial(blob_trouble, "the snapshot", place)
        self._etag: str | None = None
        self._offered: list[Generation] = []
        self._unusable: list[Generation] = []
        self._accepted: Generation | None = None
        self._kept = False
        self._last: bytes | None = None
        self._unanswered: set[bytes] = set()

    async def load(self) -> AsyncIterator[Generation]:
        """Yield what there is, newest first; creates the container if there is none.

        Raises
        ------
        OSError
            The service cannot be reached, or says no.
        """
        self._offered = []
        for blob in (self._blob, self._previous, self._restored):
            try:
                data, etag = await self._get(blob)
            except AzureError as error:
                raise self._trouble(error, "read") from error
            if blob is self._blob:
                self._etag, self._last = etag, None
            if data is not None:
                self._offered.append(Generation(blob.blob_name, data))
                yield self._offered[-1]

    def accept(self) -> None:
        """Hold what `load` yielded last for good, and what it yielded before that for unusable."""
        *self._unusable, self._accepted = self._offered
        self._offered, self._kept = [], False

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
        if self._offered:
            # Nobody has said that it loads: what is about to be replaced may be the only good one.
            self._unusable, self._offered = self._offered[:1], []
        try:
            while self._unusable:
                await self._set_aside(self._unusable[0].data)
                del self._unusable[0]
            if self._accepted is not None:
                await self._keep(self._accepted)
            await self._put(data)
            if self._accepted is not None:
                self._accepted = None
            elif self._last is not None:
                await self._previous.upload_blob(self._last, overwrite=True, validate_content=True)
        except AzureError as error:
            raise self._trouble(error, "written") from error
        self._last = data

    async def _keep(self, loaded: Generation) -> None:
        """Keep what the process began with, before it is replaced; what stands before it is older or unusable.

        Whoever has been overtaken must not do that: what it began with is older than what the other one did.
        """
        if self._kept:
            return
        if await self._version() != self._etag:
            raise SnapshotFenced(_OVERTAKEN)
        if loaded.name != self._restored.blob_name:
            await self._restored.upload_blob(loaded.data, overwrite=True, validate_content=True)
        # A role may forbid it: the next save but one replaces it all the same.
        with contextlib.suppress(HttpResponseError):
            await self._previous.delete_blob()
        self._kept = True

    async def _version(self) -> str | None:
        with contextlib.suppress(ResourceNotFoundError):
            return (await self._blob.get_blob_properties()).etag
        return None

    async def _set_aside(self, data: bytes) -> None:
        name = f"{self._blob.blob_name}.set-aside-"
        kept = numbers_aside([one async for one in self._container.list_blob_names(name_starts_with=name)])
        number = max(kept, default=0) + 1
        await self._container.upload_blob(f"{name}{number}", data, validate_content=True)
        for old in kept[: -(SET_ASIDE - 1)]:
            with contextlib.suppress(ResourceNotFoundError):
                await self._container.delete_blob(f"{name}{old}")

    async def _put(self, data: bytes) -> None:
        condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        if self._etag is not None:
            condition = {"etag": self._etag, "match_condition": MatchConditions.IfNotModified}
        try:
            answer = await self._blob.upload_blob(data, overwrite=True, validate_content=True, **condition)
            self._etag = answer["etag"]
        except (ResourceModifiedError, ResourceExistsError) as error:
            # A PUT whose answer was lost may have arrived: its repetition, or the next one, meets our own write.
            there, etag = await self._get(self._blob)
            if there is None or sha256(there).digest() not in self._unanswered:
                raise SnapshotFenced(_OVERTAKEN) from error
            self._etag = etag
            if there != data:
                await self._put(data)
        self._unanswered.clear()
