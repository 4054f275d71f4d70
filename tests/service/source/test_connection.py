"""Whose identity signs in, and what becomes of work that is cancelled around the SDK."""

import asyncio
from pathlib import Path

import pytest
from azure.identity.aio import DefaultAzureCredential, WorkloadIdentityCredential

from service.source.connection import default_credential, open_client, raise_if_cancelling, together
from service.source.options import SourceOptions


@pytest.mark.parametrize("in_a_pod", [True, False])
async def test_a_pod_signs_in_with_its_workload_identity_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, in_a_pod: bool
) -> None:
    token = tmp_path / "token"
    token.write_text("of the pod")
    for name in ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_TENANT_ID", "AZURE_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)
    if in_a_pod:
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))
        monkeypatch.setenv("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555")
        monkeypatch.setenv("AZURE_CLIENT_ID", "66666666-7777-8888-9999-000000000000")
    async with default_credential() as credential:
        assert isinstance(credential, WorkloadIdentityCredential if in_a_pod else DefaultAzureCredential)


def test_a_namespace_is_not_connected_to_as_nobody() -> None:
    with pytest.raises(TypeError, match="credential"):
        open_client(SourceOptions(namespace="acme.servicebus.windows.net", hub="logs"), None)


async def test_the_first_failure_is_raised_when_the_rest_has_ended() -> None:
    ended = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def failing() -> None:
        raise ConnectionError("the hub is gone")

    with pytest.raises(ConnectionError, match="gone"):
        await together(endless(), failing())
    assert ended.is_set()


async def test_a_cancellation_that_the_sdk_has_turned_into_its_own_error_is_still_one() -> None:
    async def working() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise_if_cancelling()
        return "went on"

    task = asyncio.create_task(working())
    await asyncio.sleep(0)  # noqa: TID251 - lets it begin
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    raise_if_cancelling()  # nobody is cancelling this one
