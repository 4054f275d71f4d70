"""A running service whose file of suppressions is swapped, broken and mended under it."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.core.snapshot.codec import decode
from tests.service.config_map import ConfigMap
from tests.service.core.parsing.samples import human
from tests.service.lives import BOB, HOUR, OBJECT_ID, QUARTER, Life, World, living

pytestmark = [pytest.mark.slow, pytest.mark.measured]

NONE = "suppressions: []\n"
WEB = """suppressions:
  - {action: Microsoft.Web/*, until: 2026-11-03T09:00:00Z, reason: roll-out, owner: ops, learn: false}
"""
LEARNT = WEB.replace("learn: false", "learn: true").replace("2026-11-03T09", "2026-11-02T12")


async def test_what_alerted_before_is_kept_back_from_a_swap_on_and_is_told_again_after_another(tmp_path: Path) -> None:
    world = World()
    file = ConfigMap(tmp_path / "mounted", NONE)
    life = Life(world, suppressions=file.path)
    async with living(life):
        life.feed("Microsoft.Web/sites/1")
        await life.pass_time(QUARTER)
        assert world.actions() == ["microsoft.web/sites/1"]
        file.update(WEB)
        await life.pass_time(180.0)
        for number in (2, 3):
            life.feed(f"Microsoft.Web/sites/{number}", f"Microsoft.Sql/servers/{number}")
            await life.pass_time(HOUR)
        assert world.actions() == ["microsoft.sql/servers/2", "microsoft.sql/servers/3", "microsoft.web/sites/1"]
        assert life.metric("unwonted_would_have_alerted_total", detector="first_time") == 2
        assert life.metric("unwonted_suppressed_total", reason="suppression") == 2
        assert life.metric("unwonted_suppressions", stage="ending") == 1
        assert [one.action for one in life.engine.suppressed.listed] == [
            "Microsoft.Web/sites/2",
            "Microsoft.Web/sites/3",
        ]
        file.update(NONE)
        await life.pass_time(180.0)
        life.feed("Microsoft.Web/sites/4")
        await life.pass_time(QUARTER)
        assert "microsoft.web/sites/4" in world.actions()
    rows = [row for section, row in decode(world.store.generations[0]) if section == "suppressed"]
    assert sum(row["part"] == "listed" for row in rows) == 2
    again = Life(world, suppressions=file.path)
    async with living(again):
        assert [count.findings for count in again.engine.suppressed.counts.values()] == [2]


async def test_a_broken_file_keeps_the_last_good_one_in_force_loudly_and_the_service_ready(tmp_path: Path) -> None:
    world = World()
    file = ConfigMap(tmp_path / "mounted", WEB)
    life = Life(world, suppressions=file.path)
    async with living(life):
        with capture_logs() as logs:
            file.update(WEB.replace("2026-11-03T09:00:00Z", "for ever"))
            await life.pass_time(180.0)
        assert [one["log_level"] for one in logs if one["event"] == "suppressions_refused"] == ["error"]
        life.feed("Microsoft.Web/sites/1")
        await life.pass_time(QUARTER)
        assert world.actions() == []
        assert life.metric("unwonted_suppressions_file_broken") == 1
        assert "suppressions" in life.health.result("ready").notes
        assert "suppressions" not in life.health.result("ready").reasons
        file.update(NONE)
        await life.pass_time(180.0)
        assert life.metric("unwonted_suppressions_file_broken") == 0
        await life.pass_time(QUARTER)
        assert world.actions() == ["microsoft.web/sites/1"]  # still within the window


async def test_what_was_learnt_during_a_maintenance_is_ordinary_after_it(tmp_path: Path) -> None:
    world = World()
    life = Life(world, suppressions=ConfigMap(tmp_path / "mounted", LEARNT).path)
    async with living(life):
        life.feed("Microsoft.Web/sites/1")
        await life.pass_time(4 * HOUR)
        life.feed("Microsoft.Web/sites/1")
        life.feed("Microsoft.Web/sites/1", claims=human(name="Bob", **{OBJECT_ID: BOB}))
        await life.pass_time(QUARTER)
        [alert] = world.alerts
        assert BOB in alert.actor_id
        assert life.metric("unwonted_suppressions", stage="expired") == 1
