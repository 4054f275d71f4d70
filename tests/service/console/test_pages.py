"""What pages say, of ordinary people and of hostile names: these stay text wherever they stand."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from models.stream.events import Actor, ActorKind, Outcome
from service.console.alert_page import AROUND
from service.history.values import HistoryEntry
from tests.fakes.alerts import alert, finding, hostile, outage
from tests.fakes.hostile_names import KNOWN
from tests.fakes.notices import notice
from tests.service.console.browsing import serving
from tests.service.history.seen import ANN, HOUR, closed, event

pytestmark = pytest.mark.integration

FOR_US = {"/", "#"}
OUTSIDE = "https://portal.azure.com/"
DANGEROUS = {"applet", "base", "embed", "frame", "iframe", "link", "meta", "object", "script", "style"}


class Markup(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.acts: list[str] = []
        self.scripts: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.acts += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action"}]

        if tag in {"script", "link", "meta"}:
            said = dict(attrs)
            ours = (said.get("src") or said.get("href") or "/static/").startswith("/static/")
            self.scripts += [] if ours and "http-equiv" not in said else [tag]

    def handle_data(self, data: str) -> None:
        self.text += data


def entries_of(name: str, number: int = 1) -> list[HistoryEntry]:
    """A history in which everything that an outsider can choose is `name`."""
    # Parsing lets no lone surrogate through; what an alert holds may have come from elsewhere.
    text = name.encode(errors="replace").decode()
    who = Actor(text or "nobody", text, ActorKind.GUEST)
    seen = [
        event(hour, text or "x/y", who)._replace(
            action_name=name or "x/y", resource=name, scope=name, address=name, result=name, correlation=name
        )
        for hour in (0.1, 1.2)
    ]
    return [*closed(seen, [event(5)]), hostile(name, number).model_copy(update={"actor_id": who.id})]


@pytest.mark.parametrize("name", KNOWN, ids=range(len(KNOWN)))
async def test_a_hostile_name_is_text_in_every_page(tmp_path: Path, name: str) -> None:
    told = hostile(name)
    who = quote(name or "nobody", safe="", errors="replace")
    paths = [
        "/?days=0",
        "/incidents.csv?days=0",
        "/incidents.ndjson?days=0",
        f"/?days=0&text={who[:300]}&kind={who[:300]}&severity={who[:300]}",
        f"/alerts/{told.id}",
        f"/incidents/{told.id}",
        f"/alerts/{told.id}/suppress",
        f"/alerts/{told.id}/suppress?actor={who[:300]}&action={who[:300]}&reason={who[:300]}&owner={who[:300]}&learn=no",
        f"/identity?id={who[:3000]}",
        f"/identities?q={who[:300]}",
        f"/search?q={who[:300]}",
        "/coverage",
        f"/explorer?q={who[:300]}&until={who[:300]}",
        f"/explorer?since={who[:300]}&from={who[:300]}",
        f"/tuning?days=28&all=-30&budget={who[:300]}",
        f"/tuning?until={who[:300]}&rare_action={who[:300]}&all={who[:300]}",
        f"/alerts/{who[:300]}",
        f"/api/v1/explorer?q={who[:300]}",
        f"/api/v1/alerts/{told.id}/suppress?actor={who[:300]}&reason={who[:300]}&owner={who[:300]}&learn=no",
    ]
    async with serving(tmp_path, entries_of(name)) as visitor:
        await visitor.enter()
        for path in paths:
            status, page, headers = await visitor.get(path)
            assert status in ({200, 400, 404} if path.startswith("/api/v1/explorer") else {200, 404}), path
            if "csv" in headers["Content-Type"]:
                cells = [cell for row in csv.reader(io.StringIO(page)) for cell in row]
                assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
                continue
            if "json" in headers["Content-Type"]:
                assert [json.loads(line) for line in page.removesuffix("\n").split("\n")]
                continue
            found = Markup(page)
            assert found.tags & DANGEROUS <= {"link", "meta", "script"}, path
            assert found.scripts == [], path
            assert found.acts == [], path
            strange = [one for one in found.addresses if one[:1] not in FOR_US and not one.startswith(OUTSIDE)]
            assert strange == [], path
            assert not any(one.startswith("//") for one in found.addresses), path
            assert not re.search("[\u202e\u2066\u200b\u2028\x00\x1b\x07\ud800-\udfff]", page), path


async def test_the_alert_page_says_who_did_what_where_and_why_and_what_was_usual(tmp_path: Path) -> None:
    told = finding(
        evidence={
            "terms": {"action": 3.4, "sensitivity": 1.0, "busy": -0.09},
            "counterfactual": "Would be ordinary if two more of its peers did it.",
        }
    )
    one = alert(actor_id=ANN.id, actor_name=ANN.name).model_copy(update={"findings": (told,)})
    before = [event(-30 + hour, "microsoft.compute/virtualmachines/restart/action") for hour in range(5)]
    around = [event(-1, "microsoft.compute/virtualmachines/restart/action"), event(0.2, outcome=Outcome.DENIED)]
    async with serving(tmp_path, [*closed(before, around, [event(20)]), one]) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get(f"/alerts/{one.id}")
    text = Markup(page).text
    for said in (
        "Ann@contoso.com: create or change role assignments",
        "Never seen from alice@contoso.com in 41 active days",
        "How rare the operation is",
        "+3.4",
        "-0.1",
        "Would be ordinary if two more of its peers did it.",
        "payments",
        "203.0.113.*",
        "Ask alice whether she meant to.",
        "az monitor activity-log list --start-time 2026-11-02T08:00:00Z",
        "| where CorrelationId in~",
    ):
        assert said in text, said
    assert "restart of virtual machines" in text
    assert 'class="odd"' in page
    assert f"/identity?id={quote(ANN.id, safe='')}" in page
    assert AROUND > HOUR


async def test_of_a_very_busy_identity_the_day_around_shows_what_the_alert_is_about(tmp_path: Path) -> None:
    before = [event(-8 + number / 100, f"a/{number}/write") for number in range(500)]
    one = alert(actor_id=ANN.id, actor_name=ANN.name)
    async with serving(tmp_path, [*closed(before, [event(0.5, "z/vault/delete")], [event(20)]), one]) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get(f"/alerts/{one.id}")
    text = " ".join(Markup(page).text.split())
    assert "Mon 02 Nov 09:30 delete vault" in text
    assert "101 more are left out" in text


async def test_the_first_page_asks_by_its_address(tmp_path: Path) -> None:
    low = alert(2, actor_name="low@contoso.com", actor_kind="service_principal", score=55.0, severity="low")
    async with serving(tmp_path, [alert(1), low, outage(3)]) as visitor:
        await visitor.enter()

        async def shown(query: str) -> list[str]:
            _, page, _ = await visitor.get(f"/{query}")
            return [unquote(one) for one in re.findall(r'data-row href="/alerts/([^"]+)"', page)]

        ids = [one.id for one in (alert(1), low, outage(3))]
        assert sorted(await shown("")) == sorted(ids)
        assert await shown("?severity=low") == [low.id]
        assert await shown("?kind=service_principal") == [low.id]
        assert await shown("?text=LOW@") == [low.id]
        assert await shown("?state=closed") == []
        assert sorted(await shown("?state=open&days=7")) == sorted(ids)
        assert await shown("?days=1") == []
        assert await shown("?from=2&days=0") == [(await shown(""))[2]]
        for strange in ("?days=x&from=-1", "?severity=loud", f"?from={'9' * 30}"):
            assert (await visitor.get(f"/{strange}"))[0] == 200


async def test_alerts_that_belong_together_are_one_line_and_lead_to_each(tmp_path: Path) -> None:
    first, second = alert(1), alert(1, id="b" * 16).model_copy(update={"window_start": alert().window_end})
    second = second.model_copy(update={"window_end": second.window_start + 2 * HOUR})
    async with serving(tmp_path, [first, second]) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get("/")
        assert f'href="/incidents/{first.id}"' in page
        assert "2 alerts" in page
        _, page, _ = await visitor.get(f"/incidents/{second.id}")
        assert re.findall(r'data-row href="/alerts/(\w+)"', page) == [first.id, second.id]
        _, page, _ = await visitor.get(f"/alerts/{second.id}")
        assert "alert 2 of 2" in page


async def test_an_identity_has_its_habits_networks_and_alerts(tmp_path: Path) -> None:
    told = alert(actor_id=ANN.id, actor_name=ANN.name)
    seen = [[event(hour, "a/vm/write")] for hour in (-40, -30, 1)]
    async with serving(tmp_path, [*closed(*seen, [event(2, "b/vault/delete")], [event(30)]), told]) as visitor:
        await visitor.enter()
        status, page, _ = await visitor.get(f"/identity?id={quote(ANN.id)}")
        assert status == 200
        text = " ".join(Markup(page).text.split())
        assert "create or change vm 3 h" in text
        assert "delete vault Mon 02 Nov 11:00" in text
        assert "192.0.2.*" in text
        assert f"/alerts/{told.id}" in page
        assert (await visitor.get("/identity?id=nobody"))[0] == 404


@pytest.mark.parametrize("id_", [" ann ", "x" * 4000, "%_'\"--", "a+b&id=c"])
async def test_an_identity_is_found_under_its_id_whatever_that_is(tmp_path: Path, id_: str) -> None:
    async with serving(tmp_path, closed([event(0.1, actor=Actor(id_, "ann", ActorKind.HUMAN))], [event(5)])) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get("/identities?q=ann")
        [address] = re.findall(r'href="(/identity\?id=(?!t%2F)[^"]+)"', page)
        assert (await visitor.get(address))[0] == 200
        assert (await visitor.get(f"/api/v1{address}"))[0] == 200


@pytest.mark.parametrize(
    "words", ["contoso", "203.0.113.7", "roleassignments", "payments", "6d8f6a0e-8f6e", "a1e27", "0b1f6471"]
)
async def test_search_finds_by_whatever_is_at_hand(tmp_path: Path, words: str) -> None:
    async with serving(tmp_path, [alert(1)]) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get(f"/search?q={quote(words)}")
        assert f"/alerts/{alert(1).id}" in page
        _, page, _ = await visitor.get("/search?q=nothing-like-it")
        assert "/alerts/" not in page


async def test_what_was_not_seen_is_shown(tmp_path: Path) -> None:
    async with serving(tmp_path, [notice()]) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get("/coverage")
        assert notice().kind.value in page


async def test_no_gap_is_not_told_of_days_that_nobody_recorded(tmp_path: Path) -> None:
    async with serving(tmp_path, closed([event(0)], [event(5)])) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get("/coverage")
    assert "all of it was seen" not in page
    assert "None that is known of; before Mon 02 Nov 09:00 nothing was recorded." in " ".join(Markup(page).text.split())
