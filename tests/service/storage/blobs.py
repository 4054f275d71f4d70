"""A container of one's own in Azurite."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from azure.storage.blob.aio import ContainerClient

from tests.fakes.azurite import Account


@asynccontextmanager
async def container(storage: Account, name: str = "") -> AsyncIterator[ContainerClient]:
    async with ContainerClient.from_connection_string(storage.connection_string, name or f"c{uuid4().hex}") as client:
        yield client
