"""The file of owners as the settings name it: none, one that is read, and one that cannot be."""

from pathlib import Path

import pytest

from service.owners import UnusableOwners
from service.settings import Settings
from service.wiring.owners import owners_configured, owners_file


def named(path: Path) -> Settings:
    return Settings.model_validate({"owners": {"file": str(path)}})


def test_nobody_answers_for_anybody_if_no_file_is_named() -> None:
    assert owners_configured(Settings()).of("t/1", "ann") == owners_configured(Settings()).of("t/2", "bob")


def test_what_a_file_says_is_known(tmp_path: Path) -> None:
    path = tmp_path / "owners.csv"
    path.write_text("identity,owner\nann,payments\n")
    assert owners_configured(named(path)).of("t/1", "ann").owner == "payments"


def test_one_that_is_not_there_says_why_and_stops_nobody_who_only_asks(tmp_path: Path) -> None:
    with pytest.raises(UnusableOwners, match=r"^cannot be read: No such file or directory$"):
        owners_file(named(tmp_path / "owners.csv"))
    assert not owners_configured(named(tmp_path / "owners.csv")).of("t/1", "ann").owner
