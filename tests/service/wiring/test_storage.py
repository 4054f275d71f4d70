"""Where it is remembered which message ended the process, and who of two instances is at work."""

from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import gettempdir

import pytest

from service.clock import SystemClock
from service.settings import Settings
from service.storage import BlobLease, FileLease
from service.wiring.storage import build_lease, build_suspects, open_for_lease


async def test_suspects_are_remembered_on_this_machine_for_each_state_apart(tmp_path: Path) -> None:
    folders = []
    account = {"kind": "blob", "account_url": "https://contoso.blob.core.windows.net"}
    places = [{**account, "blob": "one"}, {**account, "blob": "two"}, {"path": str(tmp_path)}]
    for place in places:
        async with AsyncExitStack() as resources:
            folders.append(build_suspects(Settings.model_validate({"snapshots": place}), resources).folder)
    assert len(set(folders)) == 3
    assert {folder.parent for folder in folders if folder} == {Path(gettempdir())}


def lease_of(tmp_path: Path, **more: object) -> object:
    place: dict[str, object] = {"kind": "file", "path": str(tmp_path)} if not more else {"kind": "blob", **more}
    return build_lease(Settings.model_validate({"standby": {"enabled": True}, "snapshots": place}), SystemClock())


def test_there_is_no_lease_without_a_standby(tmp_path: Path) -> None:
    assert build_lease(Settings.model_validate({"snapshots": {"path": str(tmp_path)}}), SystemClock()) is None


def test_the_lease_is_where_the_snapshots_are(tmp_path: Path) -> None:
    assert isinstance(lease_of(tmp_path), FileLease)
    assert isinstance(lease_of(tmp_path, account_url="https://contoso.blob.core.windows.net"), BlobLease)


@pytest.mark.parametrize(
    "place",
    [
        {"account_url": "https://contoso.blob.core.windows.net"},
        {"connection_string": "AccountName=contoso;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net"},
    ],
)
def test_the_client_of_the_lease_reaches_the_container_of_the_snapshots(place: dict[str, str]) -> None:
    settings = Settings.model_validate({"snapshots": {"kind": "blob", "container": "unwonted", **place}})
    assert settings.snapshots.kind == "blob"
    with open_for_lease(settings.snapshots) as client:
        assert client.url == "https://contoso.blob.core.windows.net/unwonted"
