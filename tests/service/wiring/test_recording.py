"""Where the history is, and that what is built writes it, and lets go of it at the end."""

from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from service.history.file import HistoryFile
from service.history.reading import History
from service.history.recorder import Gathering, Recorder
from service.history.retention import HistoryLimits
from service.history.schema import NoHistory
from service.settings.root import Settings
from service.wiring import build_components
from service.wiring.recording import HistoryFirst, build_recorder, history_limits, history_path
from tests.fakes.alerts import alert
from tests.fakes.clock import FakeClock
from tests.fakes.store import FakeStore

BLOB = {"kind": "blob", "account_url": "https://contoso.blob.core.windows.net"}
HUB = {"namespace": "contoso.servicebus.windows.net", "hub": "activity-log"}


def configured(**sections: Any) -> Settings:
    return Settings.model_validate(sections)


def test_it_is_beside_the_snapshots_unless_it_is_given_a_place() -> None:
    assert history_path(configured(snapshots={"path": "/state/snapshots"})) == Path("/state/snapshots/history.sqlite")
    assert history_path(configured(snapshots=BLOB)) is None
    assert history_path(configured(snapshots=BLOB, history={"path": "/disk/h"})) == Path("/disk/h")
    assert history_limits(configured(history={"days": 7, "max_bytes": 20_000_000}).history) == (7.0, 20_000_000)


@pytest.mark.parametrize("sections", [{"history": {"enabled": False}}, {"snapshots": BLOB}])
async def test_who_wants_none_or_has_no_place_for_it_has_none(sections: dict[str, Any]) -> None:
    async with AsyncExitStack() as resources:
        assert build_recorder(configured(**sections), resources) is None


async def test_what_is_recorded_is_written_before_the_end(tmp_path: Path) -> None:
    async with AsyncExitStack() as resources:
        recorder = build_recorder(configured(snapshots={"path": str(tmp_path)}), resources)
        assert recorder is not None
        recorder.record([alert()])
    with History(tmp_path / "history.sqlite") as history:
        assert [one.id for one in history.alerts()] == [alert().id]


@pytest.mark.parametrize(
    ("sections", "is_shipped"),
    [
        ({"snapshots": BLOB, "history": {"path": "h"}}, True),
        ({"snapshots": BLOB, "history": {"path": "h", "in_blobs": False}}, False),
        ({"snapshots": BLOB}, False),
        ({}, False),
    ],
)
async def test_a_history_beside_snapshots_in_blobs_is_kept_in_blobs_unless_nobody_wants_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sections: dict[str, Any], is_shipped: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    components = build_components(configured(**sections, event_hub=HUB))
    assert (components.shipping is not None) is is_shipped
    await components.resources.aclose()


@pytest.mark.parametrize("enabled", [True, False])
async def test_the_service_keeps_what_it_closes_only_if_somebody_takes_it(tmp_path: Path, enabled: bool) -> None:
    components = build_components(
        configured(snapshots={"path": str(tmp_path)}, history={"enabled": enabled}, event_hub=HUB)
    )
    assert components.state.engine.keeps_closed is enabled
    await components.resources.aclose()


class Checking(FakeStore):
    """Notes which alerts are in the history when a snapshot is saved."""

    def __init__(self, path: Path) -> None:
        super().__init__(FakeClock())
        self.path = path
        self.known: list[list[str]] = []

    async def save(self, data: bytes) -> None:
        with suppress(NoHistory), History(self.path) as history:
            self.known.append([one.id for one in history.alerts()])
        await super().save(data)


async def test_a_snapshot_is_saved_when_the_history_has_what_happened_until_then(tmp_path: Path) -> None:
    store = Checking(tmp_path / "history.sqlite")
    recorder = Recorder(HistoryFile(store.path, HistoryLimits()), Gathering(gather=3_600.0))
    first = HistoryFirst(store, recorder)
    recorder.record([alert()])
    await first.save(b"one")
    assert store.known == [[alert().id]]
    assert [one.data async for one in first.load()] == [one.data async for one in store.load()]
    first.accept()
    recorder.close(60.0)


async def test_a_history_that_cannot_be_written_delays_no_snapshot(tmp_path: Path) -> None:
    store = Checking(tmp_path / "history.sqlite")
    recorder = Recorder(HistoryFile(store.path, HistoryLimits()), Gathering(gather=3_600.0))
    recorder.record([alert()])
    recorder._trouble = "database is locked"
    await HistoryFirst(store, recorder).save(b"one")
    assert store.known == []
    assert [one.data async for one in store.load()] == [b"one"]
    recorder.close(60.0)
