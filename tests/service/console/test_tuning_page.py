"""The tuning page and its API: what other thresholds would have told of, and what to configure for it."""

import json
import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import pytest
import yaml

from service.console.api_models import Tuning
from service.console.asking import PageQuery
from service.console.live import Live
from service.console.tuning_page import tuning_answer
from service.core.alerting.alerts import Alert
from service.core.alerting.trial import InForce
from service.history.reading import History
from service.history.values import HistoryEntry
from service.settings.root import Settings
from tests.fakes.alerts import alert, finding
from tests.fakes.clock import MONDAY_MORNING
from tests.service.console.browsing import NOW, serving
from tests.service.console.test_pages import Markup
from tests.service.history.seen import ANN, BOB, HOUR, closed, event, save

LIVE = Live(InForce({"first_time": 101.0, "rare_action": 60.0}))


def told_of_bob() -> Alert:
    start = MONDAY_MORNING + HOUR
    one = finding(actor_id=BOB.id, score=62.0, bucket_start=start, bucket_end=start + HOUR)
    return alert(1, actor_id=BOB.id, actor_name=BOB.name, window_start=start, window_end=start + 2 * HOUR).model_copy(
        update={"findings": (one,)}
    )


SEEN = closed([event(0.1, "a/delete"), event(0.2, "b/read", BOB)], [event(5, "x/delete")], [event(30)])
ENTRIES: list[HistoryEntry] = [*SEEN, told_of_bob()]


def said(path: Path, query: Mapping[str, str] | None = None, live: Live = LIVE) -> Tuning:
    save(path, ENTRIES)
    with History(path) as history:
        return tuning_answer(history, PageQuery("", query or {}, NOW, live=live))


def test_as_it_is_nothing_appears_vanishes_or_has_to_be_configured(tmp_path: Path) -> None:
    found = said(tmp_path / "history.sqlite")
    assert found.tried == found.in_force == dict(LIVE.in_force.thresholds)
    assert (found.appearing, found.vanishing, found.yaml) == ((), (), "")
    assert [day.active for day in found.days] == [2, 1]


def test_a_threshold_that_nobody_moves_may_be_as_low_as_somebody_likes(tmp_path: Path) -> None:
    told_always = Live(InForce({**LIVE.in_force.thresholds, "watch_list": 10.0}))
    found = said(tmp_path / "history.sqlite", live=told_always)
    assert found.tried == found.in_force == dict(told_always.in_force.thresholds)


def test_a_lower_threshold_adds_and_a_higher_one_takes_away_and_the_yaml_says_so(tmp_path: Path) -> None:
    found = said(tmp_path / "history.sqlite", {"first_time": "50", "rare_action": "70"})
    assert {one.identity for one in found.appearing} == {ANN.id}
    assert [one.id for one in found.vanishing] == [told_of_bob().id]
    assert found.yaml == "detectors:\n  first_time:\n    threshold: 50\n  rare_action:\n    threshold: 70"


def test_all_move_together_within_bounds_and_a_budget_is_configured_as_one(tmp_path: Path) -> None:
    found = said(tmp_path / "history.sqlite", {"all": "-30", "budget": "3"})
    assert found.yaml.startswith("alerting:\n  alerts_per_day: 3\ndetectors:\n  first_time:\n    threshold: 71\n")
    found = said(tmp_path / "history.sqlite", {"all": "30", "days": "28"})
    assert found.tried == {"first_time": 100.0, "rare_action": 90.0}
    same = Live(InForce(LIVE.in_force.thresholds, 3.0))
    assert said(tmp_path / "history.sqlite", {"budget": "3"}, same).yaml == ""


@pytest.mark.parametrize(
    "query",
    [
        {"until": "yesterday", "all": "x", "rare_action": "-1", "budget": "many", "days": "999"},
        {"until": "0001-01-01", "all": "-", "rare_action": "9" * 30, "days": "0"},
        {"until": "9999-12-31", "all": "+99", "days": "٣"},
    ],
)
def test_whatever_is_asked_is_answered(tmp_path: Path, query: dict[str, str]) -> None:
    found = said(tmp_path / "history.sqlite", query)
    assert found.since < found.until <= NOW + 24 * HOUR


@pytest.mark.integration
async def test_the_page_says_the_same_and_leads_to_the_days_before(tmp_path: Path) -> None:
    async with serving(tmp_path, ENTRIES, live=lambda: LIVE) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get("/tuning?first_time=50&rare_action=70")
        text = " ".join(Markup(page).text.split())
        assert "threshold: 50" in text
        assert f'href="/alerts/{told_of_bob().id}"' in page
        assert re.search(r"newly alerted[1-9]\d*alerts no longer sent1", text)
        [before] = set(re.findall(r'href="(/tuning\?[^"]+until=[^"]+)"', page))
        status, page, _ = await visitor.get(before.replace("&amp;", "&"))
        assert (status, "History has nothing of these days" in page) == (200, True)
        _, text, _ = await visitor.get("/api/v1/tuning?first_time=50")
        assert json.loads(text)["tried"]["first_time"] == 50.0


@pytest.mark.integration
async def test_the_text_on_the_page_is_yaml_that_the_settings_take(tmp_path: Path) -> None:
    async with serving(tmp_path, ENTRIES) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get("/tuning?all=-5&budget=4")
        shown = re.search(r'<pre id="yaml"[^>]*>(.*?)</pre>', page, re.DOTALL)
        assert shown
        settings = Settings.model_validate(yaml.safe_load(unescape(shown[1])))
        _, text, _ = await visitor.get("/api/v1/tuning?all=-5&budget=4")
    assert settings.alerting.alerts_per_day == 4.0
    moved = {name: one.threshold for name, one in Settings().detectors.items()}
    for name, one in settings.detectors.items():
        assert one.threshold == (moved[name] if name == "watch_list" else round(moved[name]) - 5.0), name
    assert json.loads(text)["tried"]["watch_list"] == moved["watch_list"]
