"""What history is fetched with, as the section learn asks for it."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.blob.aio import ContainerClient

from service.learning import Spool
from service.settings import LearnSettings
from service.wiring.history import LOOPBACK_TOKEN, LoopbackCredential, open_history
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)


class SignedOut:
    """A credential that no account stands behind."""

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        raise ClientAuthenticationError("nobody is signed in")

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> "SignedOut":
        return self

    async def __aexit__(self, *error: object) -> None:
        pass


async def test_an_archive_that_nobody_is_signed_in_to_is_named_as_refused_and_the_rest_is_learnt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The SDK asks again for a minute and a half, which is its own business.
    monkeypatch.setattr("azure.storage.blob.aio.ContainerClient", partial(ContainerClient, retry_total=0))
    options = LearnSettings(api=False, archive="https://contosologs.blob.core.windows.net")
    async with open_history(options, FakeClock(NOW), credential=SignedOut()) as history:
        with Spool(tmp_path) as spool:
            fetched = await history.fetch(spool)
    assert fetched.refused == {"insights-activity-logs": "ClientAuthenticationError"}
    assert (fetched.files, fetched.origins, fetched.fetched) == ([], 1, 0)


async def test_a_server_on_this_machine_is_told_a_word_that_opens_nothing() -> None:
    async with LoopbackCredential(FakeClock(NOW)) as credential:
        token = await credential.get_token("https://management.azure.com/.default")
    assert token.token == LOOPBACK_TOKEN
    assert token.expires_on == int(NOW.timestamp()) + 3_600
