"""What is decided in the console is kept, is told who decided it, and needs a form of one's own session."""

import asyncio
import json
import re
from datetime import datetime
from pathlib import Path

import pytest
import structlog

from service.console.access import Person, Role, Sessions
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.incidents import IncidentState
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.journal import read_journal
from service.history.reading import History
from service.verdicts.stores import FileVerdictStore
from service.wiring.console import JournalDesk
from tests.fakes.alerts import alert
from tests.fakes.clock import MONDAY_MORNING, FakeClock
from tests.fakes.detector import FirstTime
from tests.service.console.browsing import NOW, Visitor, serving

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
            for state, said in (("acknowledged", "by ann"), ("closed", "Open again"), ("new", "Acknowledge")):
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
    real = Sessions.of

    def reading(self: Sessions, secret: str) -> object:
        found = real(self, secret)
        return found and found._replace(person=Person("ann", frozenset({Role.READER})))

    async with serving(tmp_path, [alert()]) as visitor:
        await visitor.enter()
        csrf = await word(visitor)
        monkeypatch.setattr(Sessions, "of", reading)
        status, page, _ = await visitor.post(f"/incidents/{ID}", {"csrf": csrf, "state": "closed"})
        assert status == 403
        assert "needs the role analyst" in page


async def test_of_two_who_see_the_same_incident_the_second_is_told_that_it_has_changed(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert()]) as visitor:
        await visitor.enter()
        csrf = await word(visitor)
        _, page, _ = await visitor.get(f"/alerts/{ID}")
        seen = re.search(r'name="revision" value="([^"]+)"', page)
        assert seen
        form = {"csrf": csrf, "revision": seen[1]}
        status, _, _ = await visitor.post(f"/incidents/{ID}", {**form, "assignee": " bob\x1b "})
        assert status == 303
        status, page, _ = await visitor.post(f"/incidents/{ID}", {**form, "state": "closed"})
        assert status == 409
        assert "It has changed meanwhile: new by ann, 1 alert: open it again, and see" in page
        address, sent = f"/api/v1/incidents/{ID}", {"state": "closed", "revision": seen[1]}
        status, text, _ = await visitor.post(address, sent, X_CSRF_Token=csrf)
        assert (status, json.loads(text)["error"][:24]) == (409, "it has changed meanwhile")
        _, text, _ = await visitor.get(address)
        one = json.loads(text)
        assert (one["state"], one["assignee"]) == ("new", "bob\N{REPLACEMENT CHARACTER}")
        again = {"assignee": "", "state": "acknowledged", "revision": one["revision"]}
        status, text, _ = await visitor.post(address, again, X_CSRF_Token=csrf)
        assert (status, json.loads(text)["state"], json.loads(text)["assignee"]) == (200, "acknowledged", "")


async def test_a_verdict_on_the_only_alert_of_an_incident_closes_that(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert()], desk=Desk(tmp_path, NOW)) as visitor:
        await visitor.enter()
        form = {"csrf": await word(visitor), "kind": "benign", "why": "an exercise"}
        assert (await visitor.post(f"/alerts/{ID}/verdict", form))[0] == 303
        _, page, _ = await visitor.get(f"/alerts/{ID}")
        assert '<span class="tag">closed</span>' in page


class Desk(JournalDesk):
    """The service's own, with its journal and its engine at hand."""

    def __init__(self, folder: Path, now: datetime = MONDAY_MORNING) -> None:
        self.store, self.engine = FileVerdictStore(folder / "verdicts.ndjson"), Engine(Options(), [FirstTime()])
        super().__init__(self.store, self.engine, FakeClock(now))

    async def kept(self) -> Verdicts:
        return Verdicts(read_journal(await self.store.read()).verdicts)


async def test_a_link_from_a_chat_fills_a_choice_in_and_decides_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with serving(tmp_path, [alert()], desk=desk) as visitor:
        await visitor.enter()
        for query, chosen in (("?verdict=benign", 'value="benign"'), ("", ""), ("?verdict=%22onfocus%3Dx", "")):
            _, page, _ = await visitor.get(f"/alerts/{ID}{query}")
            assert ("autofocus" in page) is bool(query)
            found = re.findall(r'<button name="kind" ([^>]*) class="main">', page)
            assert [one.startswith(chosen) for one in found] == [True] * bool(chosen)
            assert "onfocus" not in page
        _, page, _ = await visitor.get(f"/alerts/{ID}/suppress")
        assert f'<form class="fields" action="/alerts/{ID}/suppress">' in page
        assert len((await desk.kept()).entries) == 0


async def test_an_alert_is_judged_where_it_is_read_and_the_journal_has_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with structlog.testing.capture_logs() as lines:
        async with serving(tmp_path, [alert()], desk=desk) as visitor:
            await visitor.enter()
            csrf = await word(visitor)
            form = {"csrf": csrf, "kind": "benign", "why": "she is\non call", "for_kind": "yes"}
            status, _, headers = await visitor.post(f"/alerts/{ID}/verdict", form)
            assert (status, headers["Location"]) == (303, f"/alerts/{ID}")
            _, page, _ = await visitor.get(f"/alerts/{ID}")
            assert re.search(r"Found <strong>benign for its kind</strong> by ann, .*she is on call", page)
            _, page, _ = await visitor.get("/")
            assert '<span class="tag verdict">benign</span>' in page
            [kept] = (await desk.kept()).entries
            assert (kept.alert, kept.kind.value, kept.by, kept.why, kept.for_kind) == (
                ID, "benign", "ann", "she is on call", True,
            )  # fmt: skip
            status, text, _ = await visitor.post(
                f"/api/v1/alerts/{ID}/verdict", {"kind": "malicious", "why": "INC-7"}, X_CSRF_Token=csrf
            )
            assert (status, json.loads(text)["kind"]) == (200, "malicious")
            desk.engine.accept(await desk.kept())
            _, page, _ = await visitor.get(f"/incidents/{ID}")
            assert '<span class="tag">malicious</span>' in page
    decided = [(line["what"], line["alert"], line["by"]) for line in lines if line["event"] == "console_decided"]
    assert decided == [("verdict benign", ID, "ann"), ("verdict malicious", ID, "ann")]


async def test_of_many_who_ask_and_judge_at_once_nobody_is_turned_away_and_every_verdict_is_kept(
    tmp_path: Path,
) -> None:
    desk, told = Desk(tmp_path), [alert(number) for number in range(1, 11)]
    async with serving(tmp_path, told, desk=desk) as visitor:
        await visitor.enter()
        form = {"csrf": await word(visitor), "kind": "benign", "why": "an exercise"}
        given = [visitor.post(f"/alerts/{one.id}/verdict", form) for one in told]
        asked = [visitor.get(f"/alerts/{one.id}") for one in told]
        decided, shown, _ = await asyncio.gather(asyncio.gather(*given), asyncio.gather(*asked), desk.store.read())
        assert [status for status, _, _ in decided] == [303] * 10
        assert [status for status, _, _ in shown] == [200] * 10
    assert {one.alert for one in (await desk.kept()).entries} == {one.id for one in told}


async def test_who_has_not_seen_what_somebody_else_just_found_does_not_replace_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with serving(tmp_path, [alert()], desk=desk) as visitor:
        await visitor.enter()

        async def form(kind: str) -> dict[str, str]:
            _, page, _ = await visitor.get(f"/alerts/{ID}")
            seen = re.search(r'name="after" value="([^"]*)"', page)
            assert seen
            return {"csrf": await word(visitor), "kind": kind, "why": "looked at", "after": seen[1]}

        both = [await form("malicious"), await form("benign")]
        answers = await asyncio.gather(*(visitor.post(f"/alerts/{ID}/verdict", one) for one in both))
        assert sorted(status for status, _, _ in answers) == [303, 409]
        assert "Ann has judged it meanwhile: open the alert again, and see" in "".join(page for _, page, _ in answers)
        again = await visitor.post(f"/alerts/{ID}/verdict", await form("duplicate"))
        assert again[0] == 303
    assert len(await desk.kept()) == 2


@pytest.mark.parametrize(
    ("path", "form", "status", "said"),
    [
        (ID, {"kind": "good", "why": "x"}, 400, "Kind should be one of benign, benign_once, malicious, duplicate."),
        (ID, {"kind": "benign"}, 400, "Say why"),
        (ID, {"kind": "benign", "why": " \n "}, 400, "Say why"),
        (ID, {"kind": "benign", "why": "x" * 10_000}, 400, "Why has 10,000 characters, and may have 500."),
        (ID, {"kind": "benign", "why": "\x1b[2J"}, 400, "control characters"),
        ("none", {"kind": "benign", "why": "x"}, 404, "No alert has this id"),
        (ID, {"kind": "benign", "why": "x", "csrf": ""}, 403, "not of your session"),
    ],
)
async def test_a_verdict_that_makes_no_sense_is_refused_in_one_line(
    tmp_path: Path, path: str, form: dict[str, str], status: int, said: str
) -> None:
    desk = Desk(tmp_path)
    async with serving(tmp_path, [alert()], desk=desk) as visitor:
        await visitor.enter()
        got, page, _ = await visitor.post(f"/alerts/{path}/verdict", {"csrf": await word(visitor), **form})
        assert (got, said in page) == (status, True)
    assert len(await desk.kept()) == 0


async def test_a_journal_that_cannot_be_written_is_told_and_where_nobody_heeds_it_no_verdict_is_asked_for(
    tmp_path: Path,
) -> None:
    (tmp_path / "verdicts.ndjson").mkdir()
    async with serving(tmp_path, [alert()], desk=Desk(tmp_path)) as visitor:
        await visitor.enter()
        form = {"csrf": await word(visitor), "kind": "benign", "why": "x"}
        status, page, _ = await visitor.post(f"/alerts/{ID}/verdict", form)
        assert (status, "cannot be read or kept now" in page) == (503, True)
        assert str(tmp_path) not in page.partition("<main")[2]
    async with serving(tmp_path, [alert()]) as visitor:
        await visitor.enter()
        csrf = await word(visitor)
        _, page, _ = await visitor.get(f"/alerts/{ID}")
        assert "give a verdict" not in page
        assert "given in the console of the running service" in page
        status, page, _ = await visitor.post(f"/alerts/{ID}/verdict", {**form, "csrf": csrf})
        assert (status, "verdicts are given where the service runs" in page.lower()) == (400, True)


async def test_how_many_came_in_and_how_many_did_not_is_counted(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert()]) as visitor:
        assert visitor.console.sign_ins == (0, 0)
        assert (await visitor.post("/login", {"token": "guessed"}))[0] == 403
        assert (await visitor.get("/api/v1/alerts", Authorization="Bearer x"))[0] == 401
        await visitor.enter()
        assert visitor.console.sign_ins == (1, 2)
