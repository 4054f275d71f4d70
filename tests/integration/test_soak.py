"""A minute of what `make soak` does for hours: each kind of fault at least once, and nothing is lost or doubled."""

import sys
from pathlib import Path

import pytest

from tests.fakes.azurite import Account
from tests.soak.chapters import Pace, chapter
from tests.soak.faults import LASTING, SUDDEN
from tests.soak.report import Report

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ONE_AT_A_TIME = Pace(longest=1.5, meanwhile=0.0)


async def test_whatever_happens_everything_is_learnt_once_and_told_under_one_id(
    tmp_path: Path, storage: Account
) -> None:
    report = Report(seed=20261127)
    kinds = {one.name for one in (*SUDDEN, *LASTING)}
    await chapter(report, tmp_path, storage, "20261127/0", len(kinds), lambda _: None, ONE_AT_A_TIME)
    sys.stdout.write(str(report))
    assert not report.violations
    assert report.faults.keys() == kinds
    assert report.alerts
    assert report.gaps
