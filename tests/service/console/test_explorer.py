"""Swim lanes: who was unusual on which day, found by whatever is at hand, within days that a form or a drag chooses."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from service.console.api_models import Lanes
from service.console.asking import NotPossible, PageQuery
from service.console.explorer import explorer_page, lanes_answer
from service.history.reading import History
from tests.fakes.alerts import alert
from tests.fakes.clock import MONDAY_MORNING
from tests.service.console.browsing import NOW, serving
from tests.service.console.test_pages import Markup
from tests.service.history.seen import ANN, BOB, closed, event, save

TOLD = alert(actor_id=ANN.id, actor_name=ANN.name)
DAY = timedelta(days=1)
TODAY = MONDAY_MORNING.replace(hour=0)
STRANGE = event(26, "b/read", BOB)._replace(address="198.51.100.9", resource="/vaults/ledger-77", correlation="c-77")
SEEN = closed(
    [event(0.1, "a/delete"), event(2, "a/write")], [STRANGE], [event(27, "b/read", BOB)], [event(28, "a/write")]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    save(path, [*SEEN, TOLD])
    return path


def said(path: Path, query: dict[str, str] | None = None, now: datetime = NOW) -> Lanes:
    with History(path) as history:
        return lanes_answer(history, PageQuery("", query or {}, now))


def test_a_lane_has_the_highest_score_of_each_day_and_the_alert_of_it(path: Path) -> None:
    found = {one.id: one for one in said(path).lanes}
    assert found.keys() == {ANN.id, BOB.id}
    assert [(day.begins, day.score, day.hours, day.alert) for day in found[ANN.id].days] == [
        (TODAY, 100.0, 2, TOLD.id),
        (TODAY + DAY, 0.0, 1, ""),
    ]
    assert [(day.begins, day.score, day.hours) for day in found[BOB.id].days] == [(TODAY + DAY, 100.0, 2)]


@pytest.mark.parametrize("words", ["bob@", "t/bob", "198.51.100", "LEDGER-77", "c-77", "B/READ"])
def test_whoever_has_what_is_sought_has_a_lane_and_nobody_else(path: Path, words: str) -> None:
    assert [one.id for one in said(path, {"q": words}).lanes] == [BOB.id]
    assert said(path, {"q": "nothing-like-it"}).lanes == ()


def test_one_letter_finds_nobody_rather_than_everybody_and_says_why(path: Path) -> None:
    with pytest.raises(NotPossible, match="at least 2 characters"):
        said(path, {"q": "a"})
    with History(path) as history:
        facts = explorer_page(history, PageQuery("", {"q": "a"}, NOW)).facts
    assert (facts["lanes"], facts["short"]) == ([], True)


def test_an_alert_that_holds_what_is_sought_leads_to_its_identity(path: Path) -> None:
    assert [one.id for one in said(path, {"q": "6d8f6a0e-8f6e"}).lanes] == [ANN.id]


def test_days_are_chosen_by_the_first_and_the_last_of_them(path: Path) -> None:
    second = f"{TODAY + DAY:%Y-%m-%d}"
    found = said(path, {"since": second, "until": second})
    assert (found.since, found.until) == (TODAY + DAY, TODAY + 2 * DAY)
    assert [one.id for one in found.lanes] == [BOB.id], "ann did nothing unusual on that day"
    assert [one.id for one in said(path, {"limit": "1", "from": "1"}).lanes] != [one.id for one in said(path).lanes[:1]]


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-13-01", "until": "never"},
        {"since": "9999-12-31", "until": "0001-01-01"},
        {"since": "0001-01-01", "until": "9999-12-31", "from": "9" * 9},
        {"since": "1971-01-01", "until": "1971-01-02"},
    ],
)
def test_whatever_days_are_asked_for_some_are_shown_and_not_too_many(path: Path, query: dict[str, str]) -> None:
    found = said(path, query)
    assert timedelta(0) < found.until - found.since <= 92 * DAY
    with History(path) as history:
        facts = explorer_page(history, PageQuery("", query, NOW)).facts
    assert facts["days"]
    assert 90 <= len(facts["overview"]) <= 400, "a bar of half a century is no overview"


@pytest.mark.integration
async def test_the_page_has_a_number_for_what_is_unusual_that_leads_to_its_alert(tmp_path: Path) -> None:
    async with serving(tmp_path, [*SEEN, TOLD]) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get("/explorer")
        assert f'<a href="/alerts/{TOLD.id}" title="alert">100</a>' in page
        assert f"/identity?id={quote(BOB.id, safe='')}" in page
        _, page, _ = await visitor.get("/explorer?q=nothing-like-it")
        assert "Nobody with that in these days." in Markup(page).text
        _, text, _ = await visitor.get("/api/v1/explorer?q=bob")
        assert [one["id"] for one in json.loads(text)["lanes"]] == [BOB.id]
