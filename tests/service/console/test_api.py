"""The API answers as its document says, to every question that is in it, and reads no parameter that is not."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from service.console.asking import Decided, PageQuery, SampleWanted, WhatIf
from service.console.desk import HandedIn
from service.console.live import Live, SinkState
from service.console.openapi import document
from service.console.questions import EXPORTS, QUESTIONS, SESSION
from service.console.routes import PAGES
from service.core.engine.inspection import Explanation, Imagined
from service.history.reading import History
from service.history.values import HistoryEntry
from tests.fakes.alerts import alert
from tests.fakes.notices import notice
from tests.service.console.browsing import NOW, serving
from tests.service.history.seen import ANN, closed, event, save

TOLD = alert(actor_id=ANN.id, actor_name=ANN.name)
ENTRIES: list[HistoryEntry] = [*closed([event(0.1), event(1.2)], [event(5)]), TOLD, notice()]


class Watched(Mapping[str, str]):
    """What is asked, with which of it was looked at."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values_ = dict(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return self.values_[name]

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]  # as pages call it
        self.read.add(name)
        return self.values_.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def nothing_said(_: str, activity: Imagined) -> Explanation:
    """What a service without any detector would answer."""
    return Explanation(ANN, activity.action, NOW, [], {}, {}, is_known=True, near=[])


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: f"{one.method} {one.path}")
def test_a_question_reads_the_parameters_of_its_document_and_no_others(question: object, tmp_path: Path) -> None:
    [found] = [one for one in QUESTIONS if one is question]
    path = tmp_path / "history.sqlite"
    save(path, ENTRIES)
    asked = Watched({"id": ANN.id, "action": "a/b"} if "/identity" in found.path else {"q": "ann"})
    with History(path) as history:
        seen = history.incident(TOLD.id)
    assert seen is not None
    form = Watched(
        {"state": "closed", "kind": "benign", "why": "on call", "revision": seen.revision} if found.form else {}
    )
    part = "chat" if "/sinks/" in found.path else TOLD.id
    # Whom and what it is about is read here; the service, which answers, is asked elsewhere.
    live = Live(sinks=[SinkState("chat", "slack", 0)])
    with History(path) as history:
        answer = found.answer(history, PageQuery(part, asked, NOW, "ann", form, live))
    if not isinstance(answer, HandedIn | SampleWanted | WhatIf):  # else it is the desk, or the service, that answers
        assert type(answer.said if isinstance(answer, Decided) else answer) is found.model
    assert asked.read == set(found.parameters)
    assert form.read == set(found.form)


def test_every_question_is_answered_where_the_document_says_and_nowhere_else() -> None:
    described = {(path, method) for path, methods in document("1")["paths"].items() for method in methods}
    answered = {(route.path, route.method.lower()) for route in PAGES if route.path.startswith("/api/")}
    assert described == answered | {(SESSION, "get")} | {(path, "get") for path in EXPORTS}
    assert EXPORTS.keys() <= {route.path for route in PAGES}
    assert json.dumps(document("1")).count("$ref") > len(QUESTIONS)


def test_what_changes_something_says_that_a_session_has_to_prove_itself() -> None:
    for path, methods in document("1")["paths"].items():
        for method, operation in methods.items():
            headers = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"]
            assert headers == (["X-CSRF-Token"] if method == "post" else []), path


def test_every_reference_of_the_document_leads_somewhere() -> None:
    whole = document("1")
    wanted = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(whole)))
    assert wanted == wanted & set(whole["components"]["schemas"])


@pytest.mark.integration
async def test_over_http_it_says_what_its_models_say(tmp_path: Path) -> None:
    async with serving(tmp_path, ENTRIES, live=lambda: Live(what_if=nothing_said)) as visitor:
        await visitor.enter()
        status, text, headers = await visitor.get("/api/v1/openapi.json")
        assert (status, json.loads(text)["info"]["version"]) == (200, "1.2.3")
        [cookie] = visitor.cookies
        assert json.loads(text)["components"]["securitySchemes"]["session"]["name"] == cookie
        _, text, _ = await visitor.get(SESSION)
        assert json.loads(text).keys() == {"name", "roles", "csrf"}
        word = json.loads(text)["csrf"]
        status, text, _ = await visitor.post(f"/api/v1/incidents/{TOLD.id}", {"state": "closed"})
        assert (status, json.loads(text)["error"][:32]) == (403, "this form is not of your session")
        status, text, _ = await visitor.post(
            f"/api/v1/incidents/{TOLD.id}", {"state": "acknowledged"}, X_CSRF_Token=word
        )
        assert (status, json.loads(text)["assignee"]) == (200, "ann")
        for question in (one for one in QUESTIONS if one.method == "GET"):
            query = f"?id={quote(ANN.id)}&action=a" if "id" in question.parameters else "?q=ann"
            status, text, headers = await visitor.get(question.path.replace("{id}", TOLD.id) + query)
            assert status == 200, question.path
            assert headers["Content-Type"].startswith("application/json")
            assert question.model.model_validate_json(text).model_dump_json() == text
        _, text, _ = await visitor.get("/api/v1/incidents?severity=low")
        assert json.loads(text) == {"count": 0, "incidents": []}
        assert (await visitor.get("/api/v1/identity?id=nobody"))[0] == 404
        assert (await visitor.get("/api/v1/incidents/none"))[0] == 404
