"""Answers whoever may ask: a page is read and made in a thread of its own, and what was handed in is kept.

Each has a deadline, so that a slow disk holds up nobody but its reader. Who may ask is decided by the server.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar

import structlog
from aiohttp import web

from service.console.access import Person
from service.console.api_models import SinkTestResult
from service.console.asking import Decided, Finished, HtmlPage, NotPossible, PageQuery, SampleWanted, Stale, WhatIf
from service.console.desk import HandedIn, VerdictDesk
from service.console.live import Live
from service.console.responses import to_response
from service.console.routes import PageRoute
from service.console.what_if import what_if_answer
from service.core.verdicts import Verdict
from service.history import History, NoHistory, note_verdict
from service.waiting import DaemonExecutor, within

PAGE_WITHIN = 8.0
"""Seconds that reading and making a page may take: less than its connection lasts."""
_AT_ONCE = 4
_KEPT_WITHIN = 2.0

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


class Answers:
    """Makes the answers of pages.

    Parameters
    ----------
    open_history
        Returns what the pages read from; called in a thread.
    now
        The present of what is shown.
    desk
        Where verdicts are handed in; None where there is no service that would learn from them.
    live
        Returns what the service says of itself.
    """

    def __init__(
        self,
        open_history: Callable[[], History],
        now: Callable[[], datetime],
        desk: VerdictDesk | None,
        live: Callable[[], Live],
    ) -> None:
        self._open_history = open_history
        self._desk = desk
        self._now = now
        self._live = live
        # More threads than turns: one that has answered is free a moment later, and one may hang.
        self._aside, self._turns = DaemonExecutor(2 * _AT_ONCE), asyncio.Semaphore(_AT_ONCE)
        self._judging = asyncio.Lock()

    async def answer(
        self,
        route: PageRoute,
        part: str,
        query: Mapping[str, str],
        form: Mapping[str, str],
        person: Person,
        about: Mapping[str, object],
    ) -> web.Response:
        """Answer a question.

        Parameters
        ----------
        part, query, form
            What is asked: the id in the path, what follows the question mark, what was sent.
        person
            Who asks.
        about
            What every page shows.

        Raises
        ------
        NotPossible, NotThere, NoHistory
            As the page says.
        OSError, sqlite3.Error
            It cannot be read or kept, or not in time.
        """
        live = self._live()
        if route.shows_generations and live.kept_now is not None:
            with suppress(OSError):  # that nobody can say is no reason to say nothing of the rest
                live = live._replace(kept=await within(None, _KEPT_WITHIN, live.kept_now()))
        asked = PageQuery(part, query, self._now(), person.name, form, live)
        answer = await within(None, PAGE_WITHIN, self._answered(route, asked, person))
        shown = {**about, "verdict_of": self._verdict_of}
        return await within(None, PAGE_WITHIN, self._run(partial(to_response, answer, shown)))

    async def news(self) -> str:
        """Return a word that is another one whenever an alert or what is said of an incident is new.

        Raises
        ------
        NoHistory, OSError, sqlite3.Error
            It cannot be read, or not in time.
        """
        return await within(None, PAGE_WITHIN, self._run(lambda: self._open_history().newest_word()))

    async def _answered(self, route: PageRoute, asked: PageQuery, person: Person) -> Finished:
        answer = await self._run(lambda: route.answer(self._open_history(), asked))
        if isinstance(answer, HandedIn):
            answer = await self._kept(answer, as_json=route.name == "API")
        if isinstance(answer, SampleWanted):
            answer = await self._sent(answer.sink, asked, person, as_json=route.name == "API")
        if isinstance(answer, WhatIf):
            answer = what_if_answer(answer, asked.live, as_json=route.name == "API")
        if isinstance(answer, Decided):
            _log.info("console_decided", what=answer.what, alert=answer.alert, **_named(person))
        return answer

    async def _kept(self, handed_in: HandedIn, *, as_json: bool) -> Decided:
        if self._desk is None:
            raise NotPossible("verdicts are given where the service runs: nobody here would learn from them")
        try:
            async with self._judging:
                known = self._desk.of(handed_in.alert.id)
                if known and handed_in.after not in {None, known.id}:
                    raise Stale(f"{known.by} has judged it meanwhile: open the alert again, and see")
                verdict = await self._desk.give(handed_in)
        except NotPossible:
            raise
        except ValueError as error:
            raise NotPossible(" ".join(str(error).split())[:300]) from error
        with suppress(OSError, sqlite3.Error, NoHistory):  # derived: the service writes the same when it hears of it
            await self._run(lambda: note_verdict(self._open_history().path, verdict))
        what = f"verdict {verdict.kind.value}"
        return Decided(what, verdict.alert, f"/alerts/{verdict.alert}", verdict if as_json else None)

    async def _sent(self, sink: str, asked: PageQuery, person: Person, *, as_json: bool) -> Finished:
        if asked.live.send_sample is None:
            raise NotPossible("only a running service sends test messages")
        sample = await asked.live.send_sample(sink)
        _log.info("console_tested_sink", sink=sink, taken=sample.taken, **_named(person))
        tested = SinkTestResult(sink=sink, taken=sample.taken, said=sample.said)
        return tested if as_json else HtmlPage("sink.html", {"tested": tested})

    def _verdict_of(self, alert: str) -> Verdict | Literal[False] | None:
        """Return the verdict on an alert; False where nobody could give one."""
        return False if self._desk is None else self._desk.of(alert)

    async def _run(self, work: Callable[[], _T]) -> _T:
        async with self._turns:
            return await asyncio.wrap_future(self._aside.submit(work))


def _named(person: Person) -> Mapping[str, str]:
    """Return what the log says of whoever has done something: the id as well, if a provider has given one."""
    return {"by": person.name, "subject": person.subject} if person.subject else {"by": person.name}
