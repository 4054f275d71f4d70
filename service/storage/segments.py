"""Segments of the history as blobs, an hour each, beside that of the snapshot; knows nothing of what is in them."""

import contextlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

from service.core.ports import FoundSegment, Segment, SegmentChanged
from service.storage.blob_trouble import blob_trouble

if TYPE_CHECKING:  # whoever hands in a client has imported it
    from azure.storage.blob.aio import ContainerClient

_NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d)\.sqlite\.zst")


class BlobSegments:
    """Blobs in a container that is there when there is a snapshot.

    Parameters
    ----------
    container
        Its client.
    name
        Name of the blob of the snapshot.
    """

    def __init__(self, container: "ContainerClient", name: str) -> None:
        self._container = container
        self._prefix = f"{name}.history/"
        place = f"blobs {self._prefix}… in container {container.container_name}"
        self._trouble = partial(blob_trouble, "the segments of the history", place)

    async def names(self) -> Sequence[Segment]:
        """Return what there is, by its hour."""
        try:
            return [
                Segment(hour, _plain(blob.etag))
                async for blob in self._container.list_blobs(name_starts_with=self._prefix)
                if (hour := _hour(blob.name.removeprefix(self._prefix))) is not None
            ]
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            raise self._trouble(error) from error

    async def get(self, hour: int) -> FoundSegment | None:
        """Return a segment; None if there is none of that hour."""
        try:
            stream = await self._container.download_blob(self._named(hour))
            return FoundSegment(await stream.readall(), _plain(stream.properties.etag))
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise self._trouble(error) from error

    async def put(self, hour: int, data: bytes, tag: str | None) -> str:
        """Replace the version with that tag, or put one where there is none."""
        condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        if tag is not None:
            condition = {"etag": f'"{tag}"', "match_condition": MatchConditions.IfNotModified}
        try:
            blob = self._container.get_blob_client(self._named(hour))
            answer = await blob.upload_blob(data, overwrite=True, validate_content=True, **condition)
        except (ResourceExistsError, ResourceModifiedError) as error:
            raise SegmentChanged(hour) from error
        except AzureError as error:
            raise self._trouble(error) from error
        return _plain(answer["etag"])

    async def delete(self, hour: int, tag: str) -> None:
        """Delete the version with that tag; one that is gone already is no trouble."""
        try:
            with contextlib.suppress(ResourceNotFoundError):
                await self._container.delete_blob(
                    self._named(hour), etag=f'"{tag}"', match_condition=MatchConditions.IfNotModified
                )
        except ResourceModifiedError as error:
            raise SegmentChanged(hour) from error
        except AzureError as error:
            raise self._trouble(error) from error

    def _named(self, hour: int) -> str:
        return f"{self._prefix}{datetime.fromtimestamp(hour, UTC):%Y-%m-%dT%H}.sqlite.zst"


def _hour(name: str) -> int | None:
    """Return the hour that a blob is named after; None if it is no segment of ours."""
    if (found := _NAME.fullmatch(name)) is None:
        return None
    try:
        return int(datetime.strptime(found[1], "%Y-%m-%dT%H").replace(tzinfo=UTC).timestamp())
    except ValueError:  # no such day
        return None


def _plain(tag: str) -> str:
    """Return a tag without the quotation marks that some answers have around it."""
    return tag.strip('"')
