"""What is decided in the console is kept, is told who decided it, and needs a form of one's own session."""

import re
from pathlib import Path

import pytest
import structlog

from service.console.access import Door, Person, Role
from service.core.incidents import IncidentState
from service.history.reading import History
from tests.fakes.alerts import alert
from tests.service.console.browsing import Visitor, serving

pytestmark = pytest.mark.integration
ID = alert().id


async def word(visitor: Visitor) -> str:
    _, page, _ = await visitor.get(f"/alerts/{ID}")
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


async def test_an_incident_is_taken_on_closed_and_opened_again_by_name(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        async with serving(tmp_path, [alert()]) as visitor:
            await visitor.enter()
            csrf = await word(visitor)
            for state, said in (("acknowledged", "by ann"), ("closed", "Open again"), ("new", "Take it on")):
                status, _, headers = await visitor.post(f"/incidents/{ID}", {"csrf": csrf, "state": state})
                assert (status, headers["Location"]) == (303, f"/alerts/{ID}")
                _, page, _ = await visitor.get(f"/alerts/{ID}")
                assert said in page
                with History(tmp_path / "history.sqlite") as history:
                    found = history.incident(ID)
                assert found is not None
                assert found.state == IncidentState(state)
                assert found.assignee == ("" if state == "new" else "ann")
    decided = [line for line in lines if line["event"] == "console_decided"]
    assert [(line["what"], line["alert"], line["by"]) for line in decided] == [
        ("incident acknowledged", ID, "ann"),
        ("incident closed", ID, "ann"),
        ("incident new", ID, "ann"),
    ]


async def test_what_cannot_be_done_is_said_in_one_line_and_changes_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert()]) as visitor:
        await visitor.enter()
        csrf = await word(visitor)
        for path, form, status, said in (
            (ID, {"csrf": csrf, "state": "loud"}, 400, "State should be one of new, acknowledged, closed."),
            (ID, {"csrf": csrf}, 400, "State should be one of"),
            ("none", {"csrf": csrf, "state": "closed"}, 404, "No incident has this id"),
            (ID, {"state": "closed"}, 403, "not of your session"),
            (ID, {"csrf": csrf, "state": "x" * 100_000}, 413, ""),
        ):
            got, page, _ = await visitor.post(f"/incidents/{path}", form)
            assert got == status
            assert said in page
        with History(tmp_path / "history.sqlite") as history:
            assert history.handled() == {}


async def test_who_may_only_read_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Door.session

    def reading(self: Door, secret: str) -> object:
        found = real(self, secret)
        return found and found._replace(person=Person("ann", frozenset({Role.READER})))

    async with serving(tmp_path, [alert()]) as visitor:
        await visitor.enter()
        csrf = await word(visitor)
        monkeypatch.setattr(Door, "session", reading)
        status, page, _ = await visitor.post(f"/incidents/{ID}", {"csrf": csrf, "state": "closed"})
        assert status == 403
        assert "needs the role analyst" in page
