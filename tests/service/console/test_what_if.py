"""What an activity would be judged as, asked of the running service: on a page and by programs."""

import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from models.detectors.anomalies import Anomaly
from models.stream.cells import ActorBucket, Cell
from models.stream.json_value import Json
from models.stream.windows import Bucket
from service.console.live import Live
from service.core.engine.inspection import Explanation, Imagined
from tests.fakes.hostile_names import KNOWN
from tests.service.console.browsing import NOW, serving
from tests.service.console.test_pages import DANGEROUS, Markup
from tests.service.history.seen import ANN, BOB, closed, event

pytestmark = pytest.mark.integration

SEEN = closed([event(0.1, "a/delete"), event(0.2, "b/read", BOB)], [event(5)])
ADDRESS = f"/identity/what-if?id={quote(ANN.id)}"


class Service:
    """Remembers Ann alone, and finds whatever she might do odd."""

    def __init__(self) -> None:
        self.asked: list[Imagined] = []

    def what_if(self, identity: str, activity: Imagined) -> Explanation | None:
        self.asked.append(activity)
        if identity != ANN.id:
            return None
        cell = Cell(activity.action.casefold(), activity.action, NOW, 1, 1, 0, 0)
        seen = ActorBucket(ANN, Bucket.of(NOW, timedelta(hours=1)), (cell,))
        terms: dict[str, Json] = {"hour": 1.5, "action": 1.5}
        why = f"Never {activity.action}."
        odd = Anomaly("rare_action", ANN, seen.bucket, cell, 71.0, 3.0, why, {"terms": terms})
        dull = odd._replace(detector="new_network", score=3.0, surprise=0.1, why="", evidence={})
        said = {"rare_action": f"Would be ordinary but for {activity.address}."}
        thresholds = {"rare_action": 58.0, "new_network": 70.0, "dormant": 72.0}
        return Explanation(ANN, activity.action, NOW, [dull, odd], thresholds, said, is_known=True, near=[])

    def live(self) -> Live:
        return Live(what_if=self.what_if)


async def test_the_identitys_page_asks_and_the_answer_says_what_each_detector_thinks(tmp_path: Path) -> None:
    service = Service()
    async with serving(tmp_path, SEEN, live=service.live) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get(f"/identity?id={quote(ANN.id)}")
        assert 'action="/identity/what-if"' in page
        _, page, _ = await visitor.get(f"{ADDRESS}&action=Sql/servers/delete&hour=3&from=203.0.113.7&failed=yes")
        text = " ".join(Markup(page).text.split())
        _, said, _ = await visitor.get(f"/api/v1{ADDRESS}&action=Sql/servers/delete&hour=24")
    for wanted in (
        "It would alert, denied,",
        "71 reaches its threshold of 58. Never Sql/servers/delete.",
        "At this hour",
        "Would be ordinary but for 203.0.113.7.",
        "3 is below its threshold of 70. Nothing unusual.",
        "No score from: dormant.",
    ):
        assert wanted in text, wanted
    assert service.asked[0] == Imagined("Sql/servers/delete", True, 3, "203.0.113.7")
    assert service.asked[1] == Imagined("Sql/servers/delete")
    api = json.loads(said)
    assert api["would_alert"] is True
    assert [(one["detector"], one["would_alert"]) for one in api["opinions"]] == [
        ("rare_action", True),
        ("new_network", False),
    ]


async def test_what_cannot_be_answered_is_said_in_a_line(tmp_path: Path) -> None:
    service = Service()
    async with serving(tmp_path, SEEN, live=service.live) as visitor:
        await visitor.enter()
        for path, status, line in (
            (ADDRESS, 400, "Name an operation"),
            ("/identity/what-if?id=nobody&action=a", 404, "No identity has this id"),
            (f"/identity/what-if?id={quote(BOB.id)}&action=a", 404, "The service does not remember this identity."),
        ):
            found, page, _ = await visitor.get(path)
            assert (found, line in page) == (status, True), path


async def test_without_a_service_nobody_is_asked(tmp_path: Path) -> None:
    async with serving(tmp_path, SEEN) as visitor:
        await visitor.enter()
        status, page, _ = await visitor.get(f"{ADDRESS}&action=a")
        assert (status, "Only a running service" in page) == (400, True)
        _, page, _ = await visitor.get(f"/identity?id={quote(ANN.id)}")
        assert "what-if" not in page


@pytest.mark.parametrize("name", KNOWN, ids=range(len(KNOWN)))
async def test_whatever_is_asked_is_text(tmp_path: Path, name: str) -> None:
    words = quote(name[:300], safe="", errors="replace")
    async with serving(tmp_path, SEEN, live=Service().live) as visitor:
        await visitor.enter()
        status, page, _ = await visitor.get(f"{ADDRESS}&action={words}&from={words}&hour={words}")
        found = Markup(page)
        assert status in {200, 400}
        assert found.tags & DANGEROUS <= {"link", "meta", "script"}
        assert (found.scripts, found.acts) == ([], [])
