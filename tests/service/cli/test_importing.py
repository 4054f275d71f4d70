import gc

import pytest

from service.cli.importing import collect_nothing


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_out_only_meanwhile(enabled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    switched = list[str]()
    monkeypatch.setattr(gc, "isenabled", lambda: enabled)
    monkeypatch.setattr(gc, "disable", lambda: switched.append("off"))
    monkeypatch.setattr(gc, "enable", lambda: switched.append("on"))
    with collect_nothing():
        assert switched == ["off"]
    assert switched == (["off", "on"] if enabled else ["off"])
