"""A container of blobs in memory, with the conditions of a real one; it can be away, and its client can be killed.

Only what the snapshots ask for: whole blobs, ETags, names that begin with something. It takes what a client of Azure's
SDK takes, and raises what that raises; `tests/service/storage/test_blobs.py` holds it against Azurite.
"""

import itertools
from collections.abc import AsyncIterator
from typing import Any, NamedTuple, cast

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from azure.storage.blob.aio import ContainerClient


class Killed(BaseException):
    """The process is gone: nothing cleans up after it."""


class Kept(NamedTuple):
    """What a blob holds, and which version of it that is."""

    data: bytes
    etag: str


class Ending(NamedTuple):
    """What happens after so many requests: the client is killed, or has no answer; the last may have arrived or not."""

    after: int
    error: BaseException
    arrives: bool


class FakeContainer:
    """Blobs by their names.

    Attributes
    ----------
    kept
        What there is; None while there is no container.
    ending
        What befalls the client soon, if anything.
    requests
        How many have been made.
    """

    container_name = "c"
    account_name = "unwonted"

    def __init__(self) -> None:
        self.kept: dict[str, Kept] | None = None
        self.ending: Ending | None = None
        self.requests: list[str] = []
        self._versions = itertools.count(1)

    @property
    def client(self) -> ContainerClient:
        """Itself, as what it stands in for."""
        return cast("ContainerClient", self)

    def get_blob_client(self, name: str) -> "FakeBlob":
        return FakeBlob(self, name)

    async def create_container(self) -> None:
        if self.kept is not None:
            raise ResourceExistsError("the container exists")
        self.kept = {}

    async def upload_blob(self, name: str, data: bytes, **options: Any) -> "FakeBlob":
        blob = FakeBlob(self, name)
        await blob.upload_blob(data, **options)
        return blob

    async def delete_blob(self, name: str) -> None:
        await FakeBlob(self, name).delete_blob()

    async def list_blob_names(self, *, name_starts_with: str) -> AsyncIterator[str]:
        with_it = [name for name in sorted(self._there()) if name.startswith(name_starts_with)]
        for name in with_it:
            yield name

    def begin(self, what: str) -> BaseException | None:
        """Note a request; returns how it ends once it has arrived, if not with an answer."""
        self.requests.append(what)
        if self.ending is None:
            return None
        after, error, arrives = self.ending
        if after > 0:
            self.ending = Ending(after - 1, error, arrives)
            return None
        if not arrives:
            raise error
        return error

    def put(self, name: str, data: bytes) -> str:
        kept = Kept(data, f'"{next(self._versions)}"')
        self._there()[name] = kept
        return kept.etag

    def found(self, name: str) -> Kept | None:
        return self._there().get(name)

    def remove(self, name: str) -> None:
        if self._there().pop(name, None) is None:
            raise _missing("BlobNotFound")

    def _there(self) -> dict[str, Kept]:
        if self.kept is None:
            raise _missing("ContainerNotFound")
        return self.kept


class FakeBlob:
    """One of them, whether it exists or not."""

    def __init__(self, container: FakeContainer, name: str) -> None:
        self.blob_name = name
        self.container_name, self.account_name = container.container_name, container.account_name
        self._container = container

    async def download_blob(self) -> "FakeDownload":
        error = self._container.begin("get")
        kept = self._container.found(self.blob_name)
        _end(error)
        if kept is None:
            raise _missing("BlobNotFound")
        return FakeDownload(kept)

    async def get_blob_properties(self) -> "FakeProperties":
        return (await self.download_blob()).properties

    async def upload_blob(
        self,
        data: bytes,
        *,
        overwrite: bool = False,
        validate_content: bool = False,
        etag: str | None = None,
        match_condition: MatchConditions | None = None,
    ) -> dict[str, str]:
        assert validate_content, "what arrives is to be checked"
        error = self._container.begin("put")
        kept = self._container.found(self.blob_name)
        if match_condition is MatchConditions.IfNotModified and (kept is None or kept.etag != etag):
            raise ResourceModifiedError("the condition is not met")
        if kept is not None and (match_condition is MatchConditions.IfMissing or not overwrite):
            raise ResourceExistsError("the blob exists")
        new = self._container.put(self.blob_name, data)
        _end(error)
        return {"etag": new}

    async def delete_blob(self) -> None:
        error = self._container.begin("delete")
        self._container.remove(self.blob_name)
        _end(error)


class FakeDownload:
    """What is on its way from a blob."""

    def __init__(self, kept: Kept) -> None:
        self.properties = FakeProperties(kept.etag)
        self._data = kept.data

    async def readall(self) -> bytes:
        return self._data


class FakeProperties(NamedTuple):
    """What is said of a blob beside its data."""

    etag: str


def no_answer() -> ServiceResponseError:
    """Return what a request without an answer ends with."""
    return ServiceResponseError("no answer has come")


def _missing(code: str) -> ResourceNotFoundError:
    error = ResourceNotFoundError("there is none")
    vars(error)["error_code"] = code  # as the client for blobs sets it
    return error


def _end(error: BaseException | None) -> None:
    if error is not None:
        raise error
