"""Where the history is, and that what is built writes it, and lets go of it at the end."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from service.history.reading import History
from service.settings.root import Settings
from service.wiring import build_components
from service.wiring.recording import build_recorder, history_limits, history_path
from tests.fakes.alerts import alert

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


@pytest.mark.parametrize("enabled", [True, False])
async def test_the_service_keeps_what_it_closes_only_if_somebody_takes_it(tmp_path: Path, enabled: bool) -> None:
    components = build_components(
        configured(snapshots={"path": str(tmp_path)}, history={"enabled": enabled}, event_hub=HUB)
    )
    assert components.state.engine.keeps_closed is enabled
    await components.resources.aclose()
