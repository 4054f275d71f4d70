"""Keeps what can go nowhere else, for people to look at: a bounded file or blobs, one JSON object a line.

Entries are evidence, not cargo: when they do not fit or cannot be written they are counted and dropped, and whoever
brought them goes on. They are redacted before they come here.
"""

import asyncio
import errno
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from pydantic import JsonValue

from service.core.parsing import Reject
from service.core.ports import Clock
from service.waiting import OneAside

if TYPE_CHECKING:  # whoever hands in a client has imported it
    from azure.storage.blob.aio import BlobClient, ContainerClient

_log = structlog.get_logger(__name__)

Entry = Mapping[str, JsonValue]

_ANSWER_WITHIN = 5.0  # seconds: reading may wait for this write, and better a sample is lost than the events held up
_LARGEST_BLOCK = 4 * 1024 * 1024  # an append block's bound, Microsoft Learn, "Append Block"
_FULL = {"BlobOverMaxSizeLimit", "MaxBlobSizeConditionNotMet", "BlockCountExceedsLimit"}


class FileDeadLetterStore:
    """A file of at most `max_bytes`, with `generations` older ones beside it (``.1`` the youngest).

    Parameters
    ----------
    path
        The newest file; its directory is made if need be.
    clock
        Says when an entry was written.
    max_bytes
        Bound of one file.
    generations
        Older files kept; 0 keeps none. All together take at most ``max_bytes * (generations + 1)``.
    """

    def __init__(self, path: Path, clock: Clock, *, max_bytes: int = 8_000_000, generations: int = 3) -> None:
        self.written = 0
        self.dropped = 0
        self._path = path
        self._clock = clock
        self._max_bytes = max_bytes
        self._generations = generations
        self._lock = asyncio.Lock()
        self._aside = OneAside(_ANSWER_WITHIN)
        self._healthy = True

    async def write(self, entries: Sequence[Entry]) -> None:
        """Append `entries`, rotating when the file is full."""
        if not entries:
            return
        lines = _lines(entries, self._clock)
        async with self._lock:
            before = self.written
            fitting = [line for line in lines if len(line) <= self._max_bytes]
            try:
                await self._aside.run(self._append, fitting)
            except OSError as error:
                if self._healthy:
                    _log.error("dead_letter_not_writable", path=str(self._path), error=error.strerror or str(error))
                self._healthy = False
            else:
                self._healthy = True
            self.dropped += len(lines) - (self.written - before)

    async def read(self, since: datetime) -> list[Entry]:
        """Return what was written since then, the oldest first; a line that cannot be read is left out.

        Raises
        ------
        OSError
            If a file cannot be read.
        """
        return _written_since(since, await asyncio.to_thread(self._read))

    def _read(self) -> list[bytes]:
        found: list[bytes] = []
        for number in range(self._generations, -1, -1):
            with suppress(FileNotFoundError):
                found += self._generation(number).read_bytes().splitlines()
        return found

    def _append(self, lines: list[bytes]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        size = self._path.stat().st_size if self._path.exists() else 0
        pending: list[bytes] = []
        for line in lines:
            if size + len(line) > self._max_bytes:
                self._flush(pending)
                self._rotate()
                pending, size = [], 0
            pending.append(line)
            size += len(line)
        self._flush(pending)

    def _flush(self, lines: list[bytes]) -> None:
        if not lines:
            return
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            whole, data = file.seek(0, os.SEEK_END), b"".join(lines)
            try:
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                with suppress(OSError):  # half a line must not spoil the next one
                    file.truncate(whole)
                raise
        self.written += len(lines)

    def _rotate(self) -> None:
        oldest = self._generation(self._generations)
        if oldest.exists():
            with oldest.open("rb") as file:
                self.dropped += sum(1 for _ in file)
            oldest.unlink()
        for number in range(self._generations, 0, -1):
            younger = self._generation(number - 1)
            if younger.exists():
                younger.replace(self._generation(number))

    def _generation(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path


class BlobDeadLetterStore:
    """One append blob a day (UTC) of at most `max_bytes`; what comes after that, that day, is dropped and counted.

    Parameters
    ----------
    container
        Where the blobs go; made when it does not exist. The caller closes it.
    clock
        Says which day it is.
    prefix
        Begins each blob's name: ``<prefix>/2025-01-31.ndjson``.
    max_bytes
        Bound of one day's blob; the storage service enforces it, whoever else appends.

    Notes
    -----
    Microsoft Learn, *Append Block*: a block is at most 4 MiB here, and ``x-ms-blob-condition-maxsize`` refuses a block
    that would take the blob beyond the bound (412 MaxBlobSizeConditionNotMet). Deleting old days is the business of a
    lifecycle rule on the storage account.
    """

    def __init__(
        self, container: "ContainerClient", clock: Clock, *, prefix: str = "rejects", max_bytes: int = 8_000_000
    ) -> None:
        self.written = 0
        self.dropped = 0
        self._container = container
        self._clock = clock
        self._prefix = prefix
        self._max_bytes = max_bytes
        self._lock = asyncio.Lock()
        self._ready = ""
        self._full = ""

    async def write(self, entries: Sequence[Entry]) -> None:
        """Append `entries` to the day's blob."""
        if not entries:
            return
        name = f"{self._prefix}/{self._clock.now():%Y-%m-%d}.ndjson"
        async with self._lock:
            for block in _blocks(_lines(entries, self._clock)):
                if name == self._full:
                    self.dropped += len(block)
                else:
                    await self._append(name, block)

    async def read(self, since: datetime) -> list[Entry]:
        """Return what was written since then, the oldest first; a line that cannot be read is left out.

        Raises
        ------
        OSError
            If the container cannot be read.
        """
        found: list[bytes] = []
        first = f"{self._prefix}/{since:%Y-%m-%d}.ndjson"
        try:
            async for name in self._container.list_blob_names(name_starts_with=f"{self._prefix}/"):
                if name >= first:
                    found += (await (await self._container.download_blob(name)).readall()).splitlines()
        except ResourceNotFoundError:
            return []  # no container yet
        except AzureError as error:
            code = str(getattr(error, "error_code", "") or type(error).__name__)
            raise OSError(f"container {self._container.container_name}: {code}") from error
        return _written_since(since, found)

    async def _append(self, name: str, lines: list[bytes]) -> None:
        blob = self._container.get_blob_client(name)
        try:
            if self._ready != name:
                await self._make(blob)
                self._ready = name
            await blob.append_block(b"".join(lines), maxsize_condition=self._max_bytes)
        except AzureError as error:
            self.dropped += len(lines)
            self._ready = ""  # somebody may have deleted the blob: make sure of it the next time
            code = str(getattr(error, "error_code", "") or "")
            if isinstance(error, HttpResponseError) and code in _FULL:
                self._full = name
            _log.error("dead_letter_not_writable", blob=name, error=code or type(error).__name__)
        else:
            self.written += len(lines)

    async def _make(self, blob: "BlobClient") -> None:
        # What exists already was made by an earlier run, or by another instance.
        with suppress(ResourceExistsError):
            try:
                await blob.create_append_blob(if_none_match="*")
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):
                    await self._container.create_container()
                await blob.create_append_blob(if_none_match="*")


def reject_entry(reject: Reject) -> dict[str, JsonValue]:
    """Return a record that could not be understood, or several, as an entry."""
    entry: dict[str, JsonValue] = {"reason": reject.reason.value, "detail": reject.detail, "sample": reject.sample}
    return entry if reject.records == 1 else {**entry, "records": reject.records}


def _lines(entries: Sequence[Entry], clock: Clock) -> list[bytes]:
    now = clock.now().isoformat(timespec="milliseconds")
    return [
        json.dumps({"written": now, **entry}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        + b"\n"
        for entry in entries
    ]


def _written_since(since: datetime, lines: Sequence[bytes]) -> list[Entry]:
    found: list[Entry] = []
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):  # cut off by a full disk, or somebody else's
            entry = json.loads(line)
            if datetime.fromisoformat(entry["written"]) >= since:
                found.append(entry)
    return found


def _blocks(lines: list[bytes]) -> list[list[bytes]]:
    blocks: list[list[bytes]] = [[]]
    size = 0
    for line in lines:
        if blocks[-1] and size + len(line) > _LARGEST_BLOCK:
            blocks.append([])
            size = 0
        blocks[-1].append(line)
        size += len(line)
    return blocks
