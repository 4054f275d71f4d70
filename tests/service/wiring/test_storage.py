"""Where it is remembered which message ended the process."""

from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import gettempdir

from service.settings import Settings
from service.wiring.storage import build_suspects


async def test_suspects_are_remembered_beside_the_snapshots(tmp_path: Path) -> None:
    async with AsyncExitStack() as resources:
        build_suspects(Settings.model_validate({"snapshots": {"path": str(tmp_path)}}), resources).open({})
    assert (tmp_path / "in-hand").exists()


async def test_with_snapshots_in_a_blob_they_are_remembered_on_this_machine_for_each_blob_apart() -> None:
    folders = []
    for name in ("one", "two"):
        place = {"kind": "blob", "account_url": "https://contoso.blob.core.windows.net", "blob": name}
        async with AsyncExitStack() as resources:
            folders.append(build_suspects(Settings.model_validate({"snapshots": place}), resources).folder)
    assert len(set(folders)) == 2
    assert {folder.parent for folder in folders if folder} == {Path(gettempdir())}
