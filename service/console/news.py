"""Tells open pages when there is news for them, over connections that stay open for some minutes and are few.

What is new they ask for themselves, as if they had been opened again: here only that there is something is said.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable

from aiohttp import web

from service.console.guard import HEADERS, RequestRefused
from service.core.ports import Clock
from service.history import NoHistory
from service.listening import stay_open
from service.waiting import unless

MOST_STREAMS = 16
"""Pages that are told at once; whoever comes besides asks every 15 seconds."""
LASTS = 300.0
"""Seconds that a stream lasts; the browser then opens another, and says what it knows."""
LOOK_EVERY = 2.0
BEAT_EVERY = 15.0
_SPARE = 10.0
_RECONNECT_MS = 3_000


class NewsStreams:
    """Streams of server-sent events, one a page that is looked at.

    Parameters
    ----------
    news
        Returns a word that is another one whenever there is something new.
    clock
        Says when to look, and when a stream has lasted long enough.
    """

    def __init__(self, news: Callable[[], Awaitable[str]], clock: Clock) -> None:
        self._news = news
        self._clock = clock
        self._open = 0
        self._ending = asyncio.Event()

    def end(self) -> None:
        """End all streams, and let none begin."""
        self._ending.set()

    async def serve(self, request: web.Request, *, allowed: Callable[[], bool]) -> web.StreamResponse:
        """Answer with a stream, for as long as whoever asks is `allowed` to, five minutes at most.

        Raises
        ------
        RequestRefused
            There are too many.
        """
        if self._open >= MOST_STREAMS or self._ending.is_set():
            raise RequestRefused(503, "too many pages are told of news already")
        stay_open(request, LASTS + _SPARE)
        response = web.StreamResponse(headers={**HEADERS, "Cache-Control": "no-store"})
        response.content_type = "text/event-stream"
        self._open += 1
        try:
            await response.prepare(request)
            await self._tell(response, request.headers.get("Last-Event-ID", ""), allowed)
        except ConnectionError:
            pass  # whoever listened has gone
        finally:
            self._open -= 1
        return response

    async def _tell(self, response: web.StreamResponse, known: str, allowed: Callable[[], bool]) -> None:
        await response.write(f"retry: {_RECONNECT_MS}\n\n".encode())
        began = said = self._clock.elapsed()
        while allowed() and not self._ending.is_set() and (now := self._clock.elapsed()) - began < LASTS:
            word = await self._word(known)
            if word != known:
                known, said = word, now
                await response.write(f"id: {word}\nevent: news\ndata: {word}\n\n".encode())
            elif now - said >= BEAT_EVERY:
                said = now
                await response.write(b": still here\n\n")
            await unless(self._ending, self._clock.sleep(LOOK_EVERY))

    async def _word(self, known: str) -> str:
        try:
            return await self._news()
        except (NoHistory, OSError, sqlite3.Error):  # of a history that cannot be read there is no news
            return known
