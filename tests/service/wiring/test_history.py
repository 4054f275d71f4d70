"""What history is fetched with, as the section learn asks for it."""

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.blob.aio import ContainerClient

from service.core.sign_in import SignInFailed
from service.learning import Spool
from service.settings import LearnSettings, Settings
from service.wiring import refusals
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
    assert fetched.refused == {"insights-activity-logs": "cannot sign in: nobody is signed in"}
    assert (fetched.files, fetched.origins, fetched.fetched) == ([], 1, 0)


async def test_an_api_that_nobody_is_signed_in_to_is_told_once_and_not_for_each_subscription(tmp_path: Path) -> None:
    options = LearnSettings(subscriptions=("a", "b"))
    async with open_history(options, FakeClock(NOW), credential=SignedOut()) as history:
        with Spool(tmp_path) as spool, pytest.raises(SignInFailed) as failed:
            await history.fetch(spool)
    assert str(failed.value) == "cannot sign in to https://management.azure.com: nobody is signed in"


async def test_a_server_on_this_machine_is_told_a_word_that_opens_nothing() -> None:
    async with LoopbackCredential(FakeClock(NOW)) as credential:
        token = await credential.get_token("https://management.azure.com/.default")
    assert token.token == LOOPBACK_TOKEN
    assert token.expires_on == int(NOW.timestamp()) + 3_600


def test_workspaces_that_cannot_be_asked_are_a_reason_not_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = {"connection_string": "Endpoint=sb://localhost;SharedAccessKeyName=a;SharedAccessKey=b;EntityPath=c"}
    workspace = "9a9a9a9a-0000-4000-8000-00000000a1a1"

    def reasons(*, first: bool) -> list[str]:
        learn = {"on_empty_state": first, "workspaces": workspace}
        return refusals(Settings.model_validate({"event_hub": hub, "learn": learn}), FakeClock(NOW))

    assert reasons(first=True) == []
    monkeypatch.setitem(sys.modules, "azure.monitor.query", None)
    assert reasons(first=True) == ["learn.workspaces: needs azure-monitor-query: pip install 'unwonted[loganalytics]'"]
    assert reasons(first=False) == [], "a state that is there is not taught"


@pytest.mark.parametrize(
    ("resource_manager", "queries"),
    [
        ("https://management.azure.com", "https://api.loganalytics.io"),
        ("https://management.usgovcloudapi.net/", "https://api.loganalytics.us"),
        ("https://MANAGEMENT.chinacloudapi.cn", "https://api.loganalytics.azure.cn"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
async def test_the_cloud_of_resource_manager_is_the_one_whose_workspaces_are_asked(
    resource_manager: str, queries: str, tmp_path: Path
) -> None:
    scopes: list[str] = []

    class Asked(SignedOut):
        async def get_token(self, *wanted: str, **_: object) -> AccessToken:
            scopes.extend(wanted)
            return await super().get_token(*wanted)

    workspace = "9a9a9a9a-0000-4000-8000-00000000a1a1"
    options = LearnSettings(api=False, workspaces=(workspace,), days=1, endpoint=resource_manager)
    async with open_history(options, FakeClock(NOW), credential=Asked()) as history:
        with Spool(tmp_path) as spool, pytest.raises(SignInFailed, match=f"sign in to {queries}: nobody is signed in"):
            await history.fetch(spool)
    assert set(scopes) == {f"{queries}/.default"}
