"""The form of a suppression: filled in from an alert, what it would have kept back, and a text that files take."""

import re
import shlex
from datetime import datetime
from html import unescape
from pathlib import Path

import pytest

from service.console.api_models import SuppressionTrial
from service.console.asking import NotThere, PageQuery
from service.console.live import Live
from service.console.suppress_page import command_line_of, suppress_page, suppression_answer, try_suppression
from service.core.alerting.trial import InForce
from service.history.reading import History
from service.suppressions.file import read_suppressions
from tests.fakes.alerts import alert, finding, outage
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.hostile_names import each_hostile_name
from tests.service.console.browsing import NOW, serving
from tests.service.console.test_pages import Markup
from tests.service.history.seen import ANN, BOB, closed, event, save

TOLD = alert(actor_id=ANN.id, actor_name=ANN.name).model_copy(
    update={"findings": (finding(action="a/delete", action_name="A/DELETE", actor_id=ANN.id),)}
)
SEEN = closed(
    [event(0.1, "a/delete"), event(0.2, "a/read"), event(0.2, "a/delete", BOB)], [event(5, "b/delete")], [event(9)]
)
LIVE = Live(InForce({"first_time": 75.0}))
SAID = {"reason": "moving", "owner": "dba", "learn": "no"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    save(path, [*SEEN, TOLD, outage(3)])
    return path


def said(path: Path, query: dict[str, str], wanted: str = TOLD.id, now: datetime = NOW) -> SuppressionTrial:
    with History(path) as history:
        return suppression_answer(history, PageQuery(wanted, query, now, "eve", live=LIVE))


def test_it_is_filled_in_from_the_alert_and_needs_a_reason_and_whether_to_learn(path: Path) -> None:
    found = said(path, {})
    assert found.yaml == ""
    assert [one.partition(":")[0] for one in found.problems] == ["reason", "learn"]
    assert [(one.identity, one.action) for one in found.kept_back] == [(ANN.id, "A/DELETE")]
    with History(path) as history:
        page = suppress_page(history, PageQuery(TOLD.id, {}, NOW, "eve", live=LIVE))
    assert page.facts["tried"].fields["owner"] == "eve"
    assert page.facts["asked"] is False


def test_a_wider_entry_would_have_kept_back_more_and_none_keeps_back_nothing(path: Path) -> None:
    assert said(path, {"actor": ""}).count == 2
    assert said(path, {"action": "a/*"}).count == 3
    assert said(path, {"actor": "ANN@contoso.com", "action": ""}).count > 2
    assert said(path, {"actor": "nobody"}).count == 0
    assert said(path, {"actor": "", "action": ""}).count == 0
    assert said(path, {"detector": "rare_action"}).count == 0
    failing = said(path, {}, outage(3).id)
    assert failing.problems[0].startswith("reason")


def test_the_text_is_one_that_the_file_of_suppressions_takes_and_the_command_says_the_same(path: Path) -> None:
    found = said(path, SAID)
    [entry] = read_suppressions(f"suppressions:\n{found.yaml}".encode(), "file", NOW)
    assert (entry.actor, entry.action, entry.learn) == (ANN.id, "A/DELETE", False)
    assert (entry.begins, (entry.until - entry.begins).days) == (NOW, 7)
    words = shlex.split(command_line_of(entry))
    assert words[:5] == ["unwonted", "suppress", "add", "--actor", ANN.id]
    assert words[-5:] == ["--reason", "moving", "--owner", "dba", "--no-learn"]


@each_hostile_name
def test_whatever_somebody_is_called_the_text_is_a_suppression_of_them_or_there_is_none(path: Path, name: str) -> None:
    found = said(path, {**SAID, "actor": name, "reason": name, "owner": name})
    if found.yaml:
        [entry] = read_suppressions(f"suppressions:\n{found.yaml}".encode("utf-8", "replace"), "file", NOW)
        assert entry.actor == name.strip()[:500].strip()
    else:
        assert found.problems


def test_of_an_alert_that_is_not_there_nothing_is_filled_in(path: Path) -> None:
    with History(path) as history, pytest.raises(NotThere):
        try_suppression(history, PageQuery("none", {}, MONDAY_MORNING))


@pytest.mark.integration
async def test_the_page_says_what_is_wrong_or_what_to_commit(tmp_path: Path) -> None:
    async with serving(tmp_path, [*SEEN, TOLD], live=lambda: LIVE) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get(f"/alerts/{TOLD.id}")
        assert f'href="/alerts/{TOLD.id}/suppress"' in page
        _, page, _ = await visitor.get(f"/alerts/{TOLD.id}/suppress?reason=&until=never")
        text = Markup(page).text
        assert "until: " in text
        assert "reason: is missing" in text
        _, page, _ = await visitor.get(f"/alerts/{TOLD.id}/suppress?reason=moving&owner=dba&learn=yes")
        shown = re.search(r'<pre id="yaml"[^>]*>(.*?)</pre>', page, re.DOTALL)
        assert shown
        [entry] = read_suppressions(f"suppressions:\n{unescape(shown[1])}".encode(), "page", NOW)
        assert (entry.actor, entry.reason, entry.learn) == (ANN.id, "moving", True)
        assert "unwonted suppress add --actor" in Markup(page).text
