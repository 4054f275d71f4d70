"""Coverage beside a running service: what is read, who is told, what is kept back, what can be gone back to."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from service.console.live import Live, PartitionState, SampleSent, SinkState
from service.core.alerting.suppressed_log import SuppressedFinding, SuppressionCount
from service.core.alerting.suppressions import Suppression
from tests.fakes.alerts import alert
from tests.fakes.hostile_names import KNOWN
from tests.service.console.browsing import NOW, Visitor, serving
from tests.service.console.test_pages import DANGEROUS, Markup

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)
IDLE = Suppression("bob", "", "", "", NOW - 5 * DAY, NOW + 9 * DAY, "moving", "dba", False)
BUSY = Suppression("", "sql/*", "", "", NOW - 5 * DAY, NOW + 9 * DAY, "moving", "dba", True)
KEPT = SuppressedFinding("f1", "gone0000", False, "rare_action", "t/ann", "ann", "a/b", NOW - DAY, 80.0, "high", "odd")


class Sinks:
    """Takes test messages for one sink and not for the other."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def send(self, name: str) -> SampleSent:
        self.asked.append(name)
        return SampleSent(name == "chat", "sent to chat.example (http_200)" if name == "chat" else "broken (http_404)")

    async def kept(self) -> Sequence[str]:
        return ["snapshot.daily-2026-11-04.ndjson.gz"]


async def unreachable() -> Sequence[str]:
    raise OSError("the kept snapshots cannot be reached")


def live(sinks: Sinks, name: str = "moving") -> Live:
    return Live(
        partitions=[PartitionState("0", 12, NOW), PartitionState("1", None, None)],
        sinks=[SinkState("chat", "slack", 3), SinkState("desk", "webhook", 1, NOW, "http_404")],
        suppressions=[IDLE._replace(reason=name, owner=name, actor=name), BUSY],
        counts={BUSY.id: SuppressionCount(4, NOW - 2 * DAY)},
        send_sample=sinks.send,
        kept_now=sinks.kept,
    )


async def word_of(visitor: Visitor) -> str:
    _, page, _ = await visitor.get("/coverage")
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


async def test_partitions_sinks_suppressions_and_generations_are_shown(tmp_path: Path) -> None:
    sinks = Sinks()
    async with serving(tmp_path, [alert(), KEPT], live=lambda: live(sinks)) as visitor:
        await visitor.enter()
        _, page, _ = await visitor.get("/coverage")
        text = " ".join(Markup(page).text.split())
        _, said, _ = await visitor.get("/api/v1/coverage")
    for wanted in (
        "12Thu 05 Nov",
        "unknownnothing yet",
        "failing since",
        "http_404",
        "action: sql/*",
        "matched nothing",
        "not in the file that is in force",
        "snapshot.daily-2026-11-04.ndjson.gz",
    ):
        assert wanted in text, wanted
    api = json.loads(said)
    assert [(one["stage"], one["findings"]) for one in api["suppressions"]] == [
        ("in_force", 0),
        ("in_force", 4),
        ("", 1),
    ]
    assert api["generations"] == ["snapshot.daily-2026-11-04.ndjson.gz"]
    assert [one["behind"] for one in api["partitions"]] == [12, None]


async def test_a_test_message_is_sent_for_an_analyst_and_the_answer_says_what_became_of_it(tmp_path: Path) -> None:
    sinks = Sinks()
    async with serving(tmp_path, [alert()], live=lambda: live(sinks)) as visitor:
        await visitor.enter()
        word = await word_of(visitor)
        status, _, _ = await visitor.post("/sinks/chat/test", {})
        assert (status, sinks.asked) == (403, []), "nobody of ours has asked for it"
        _, page, _ = await visitor.post("/sinks/chat/test", {"csrf": word})
        assert "chat: the test message was accepted" in Markup(page).text
        _, page, _ = await visitor.post("/sinks/desk/test", {"csrf": word})
        assert "broken (http_404)" in Markup(page).text
        status, _, _ = await visitor.post("/sinks/other/test", {"csrf": word})
        assert status == 404
        _, said, _ = await visitor.post("/api/v1/sinks/chat/test", {}, X_CSRF_Token=word)
        assert json.loads(said) == {"sink": "chat", "taken": True, "said": "sent to chat.example (http_200)"}
    assert sinks.asked == ["chat", "desk", "chat"]


async def test_what_cannot_be_asked_is_left_out(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert()], live=lambda: Live(kept_now=unreachable)) as visitor:
        await visitor.enter()
        status, page, _ = await visitor.get("/coverage")
        assert (status, "Generations of the state" in page) == (200, False)


@pytest.mark.parametrize("name", KNOWN, ids=range(len(KNOWN)))
async def test_what_an_entry_says_is_text(tmp_path: Path, name: str) -> None:
    sinks = Sinks()
    async with serving(tmp_path, [], live=lambda: live(sinks, name)) as visitor:
        await visitor.enter()
        status, page, _ = await visitor.get("/coverage")
        found = Markup(page)
        assert status == 200
        assert found.tags & DANGEROUS <= {"link", "meta", "script"}
        assert (found.scripts, found.acts) == ([], [])
        assert (await visitor.get("/api/v1/coverage"))[0] == 200
