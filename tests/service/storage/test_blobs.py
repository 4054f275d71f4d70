"""The fake container and Azurite's do the same with what the snapshots ask of them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from tests.fakes.blobs import FakeContainer
from tests.service.storage.blobs import container


@pytest.fixture(params=["fake", pytest.param("azurite", marks=pytest.mark.integration)])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[ContainerClient]:
    if request.param == "fake":
        yield FakeContainer().client
    else:
        async with container(request.getfixturevalue("storage")) as one:
            yield one


async def test_what_is_not_there_says_whether_it_is_the_blob_or_the_container(client: ContainerClient) -> None:
    blob = client.get_blob_client("one")
    for code in ("ContainerNotFound", "BlobNotFound"):
        with pytest.raises(ResourceNotFoundError) as missing:
            await blob.download_blob()
        assert getattr(missing.value, "error_code", None) == code
        with pytest.raises(ResourceNotFoundError):
            await blob.get_blob_properties()
        with pytest.raises(ResourceNotFoundError):
            await client.delete_blob("one")
        if code == "ContainerNotFound":
            with pytest.raises(ResourceNotFoundError):
                await blob.upload_blob(b"1", validate_content=True)
            await client.create_container()
    with pytest.raises(ResourceExistsError):
        await client.create_container()


async def test_each_version_has_an_etag_by_which_a_write_is_refused_or_not(client: ContainerClient) -> None:
    await client.create_container()
    blob = client.get_blob_client("one")
    missing: dict[str, Any] = {
        "overwrite": True,
        "match_condition": MatchConditions.IfMissing,
        "validate_content": True,
    }
    first = (await blob.upload_blob(b"1", **missing))["etag"]
    with pytest.raises(ResourceExistsError):
        await blob.upload_blob(b"2", **missing)
    with pytest.raises(ResourceExistsError):
        await client.upload_blob("one", b"2", validate_content=True)
    unmodified: dict[str, Any] = {
        "overwrite": True,
        "match_condition": MatchConditions.IfNotModified,
        "validate_content": True,
    }
    second = (await blob.upload_blob(b"2", etag=first, **unmodified))["etag"]
    assert second != first
    with pytest.raises(ResourceModifiedError):
        await blob.upload_blob(b"3", etag=first, **unmodified)
    found = await blob.download_blob()
    assert (await found.readall(), found.properties.etag) == (b"2", second)
    assert (await blob.get_blob_properties()).etag == second
    await blob.upload_blob(b"4", overwrite=True, validate_content=True)
    assert await (await blob.download_blob()).readall() == b"4"
    await blob.delete_blob()
    with pytest.raises(ResourceModifiedError):
        await blob.upload_blob(b"5", etag=second, **unmodified)


async def test_names_are_listed_by_how_they_begin(client: ContainerClient) -> None:
    await client.create_container()
    for name in ("one", "one.aside-2", "one.aside-1", "other"):
        await client.upload_blob(name, b"", validate_content=True)
    assert [name async for name in client.list_blob_names(name_starts_with="one.")] == ["one.aside-1", "one.aside-2"]
    assert (client.get_blob_client("one").blob_name, client.container_name[:1]) == ("one", "c")
