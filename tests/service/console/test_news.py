"""Open pages are told of news over connections that are few, end in time, and end with the session and the service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from service.console.news import BEAT_EVERY, LASTS, LOOK_EVERY, MOST_STREAMS
from service.core.incidents import Handling, IncidentState
from service.history.handling import handle
from tests.fakes.alerts import alert
from tests.fakes.clock import FakeClock
from tests.service.console.browsing import NOW, Visitor, serving
from tests.service.console.test_coverage_page import word_of
from tests.service.history.seen import save

pytestmark = pytest.mark.integration
WITHIN = 60.0


async def heard(answer: aiohttp.ClientResponse) -> str:
    """Return the next thing that is said: an event's fields, or a comment; empty at the end."""
    lines = []
    while line := (await asyncio.wait_for(answer.content.readline(), WITHIN)).decode():
        if line == "\n":
            break
        lines.append(line.strip())
    return " ".join(lines)


@asynccontextmanager
async def visited(folder: Path, clock: FakeClock) -> AsyncIterator[Visitor]:
    async with serving(folder, [alert(1)], clock=clock) as visitor:
        await visitor.enter()
        yield visitor


async def moved(clock: FakeClock, answer: aiohttp.ClientResponse, seconds: float = LOOK_EVERY) -> str:
    """Let time pass until something is said; a stream looks at what is new in a thread, which takes no time of ours."""
    saying = asyncio.ensure_future(heard(answer))
    while not saying.done():
        await clock.advance(seconds)
        await asyncio.wait([saying], timeout=0.05)
    return saying.result()


async def test_a_new_alert_and_a_new_state_of_an_incident_are_news_and_nothing_else_is(tmp_path: Path) -> None:
    clock = FakeClock()
    async with visited(tmp_path, clock) as visitor, visitor.listen() as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert await heard(answer) == "retry: 3000"
        assert await heard(answer) == "id: 1.0.0 event: news data: 1.0.0"
        save(tmp_path / "history.sqlite", [alert(2)])
        assert await moved(clock, answer) == "id: 2.0.0 event: news data: 2.0.0"
        said = Handling(IncidentState.CLOSED, "", "ann", NOW)
        handle(tmp_path / "history.sqlite", alert(1).id, said)
        assert await moved(clock, answer) == "id: 2.1.0 event: news data: 2.1.0"
        assert await moved(clock, answer, BEAT_EVERY / 5) == ": still here"


async def test_who_comes_back_says_what_they_know_and_is_told_only_what_is_new(tmp_path: Path) -> None:
    clock = FakeClock()
    async with visited(tmp_path, clock) as visitor, visitor.listen(Last_Event_ID="1.0.0") as answer:
        assert await heard(answer) == "retry: 3000"
        save(tmp_path / "history.sqlite", [alert(2)])
        assert await moved(clock, answer) == "id: 2.0.0 event: news data: 2.0.0"


async def test_a_stream_ends_after_its_time_with_the_session_and_with_the_service(tmp_path: Path) -> None:
    clock = FakeClock()
    async with visited(tmp_path, clock) as visitor:
        async with visitor.listen(Last_Event_ID="1.0.0") as answer:
            assert await heard(answer) == "retry: 3000"
            said = [await moved(clock, answer, LASTS / 10)]
            while said[-1]:
                said.append(await moved(clock, answer, LASTS / 10))
            assert set(said) == {": still here", ""}
        word = await word_of(visitor)
        async with visitor.listen(Last_Event_ID="1.0.0") as answer:
            assert await heard(answer) == "retry: 3000"
            await visitor.post("/logout", {"csrf": word})
            assert await moved(clock, answer) == ""
        visitor.token = (tmp_path / "token").read_text().strip()
        await visitor.enter()
        async with visitor.listen(Last_Event_ID="1.0.0") as answer:
            assert await heard(answer) == "retry: 3000"
            await visitor.console.stop()
            assert await heard(answer) == ""


async def test_so_many_are_told_and_who_comes_besides_is_refused_and_asks_instead(tmp_path: Path) -> None:
    clock = FakeClock()
    async with visited(tmp_path, clock) as visitor, AsyncExitStack() as streams:
        for _ in range(MOST_STREAMS):
            answer = await streams.enter_async_context(visitor.listen())
            assert await heard(answer) == "retry: 3000"
        async with visitor.listen() as refused:
            assert refused.status == 503
        assert (await visitor.get("/"))[0] == 200


async def test_who_has_not_entered_is_told_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, [alert(1)]) as visitor, visitor.listen() as answer:
        assert answer.status == 401


async def test_without_a_history_there_is_no_news(tmp_path: Path) -> None:
    clock = FakeClock()
    async with visited(tmp_path, clock) as visitor:
        aside = (tmp_path / "history.sqlite").rename(tmp_path / "aside")
        async with visitor.listen() as answer:
            assert await heard(answer) == "retry: 3000"
            assert await moved(clock, answer) == ": still here"
            aside.rename(tmp_path / "history.sqlite")
            assert await moved(clock, answer) == "id: 1.0.0 event: news data: 1.0.0"
