"""A console on this machine, a history for it to show, and a client that enters as a browser would."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from service.clock import SystemClock
from service.console.desk import VerdictDesk
from service.console.live import Live
from service.console.server import Console
from service.console.token_sign_in import TokenSignIn
from service.core.ports import Clock
from service.history.reading import History
from service.history.values import HistoryEntry
from tests.fakes.clock import MONDAY_MORNING
from tests.service.history.seen import save

NOW = MONDAY_MORNING + timedelta(days=3)


class Visitor:
    """A client without a browser: keeps cookies, follows nothing, and sends what it is told to."""

    def __init__(self, console: Console, token: str) -> None:
        self.console = console
        self.token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            self.console.address,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=20),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
        """Ask for a page: its status, text and headers."""
        return await self._ask("GET", path, {}, headers)

    async def head(self, path: str) -> tuple[int, str, dict[str, str]]:
        """Ask for a page's headers alone."""
        return await self._ask("HEAD", path, {}, {})

    async def post(self, path: str, form: dict[str, str], **headers: str) -> tuple[int, str, dict[str, str]]:
        """Send a form."""
        return await self._ask("POST", path, form, headers)

    async def enter(self) -> None:
        """Sign in."""
        status, _, _ = await self.post("/login", {"token": self.token, "name": "ann"})
        assert status == 303

    def listen(self, **headers: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Ask to be told of news; the answer goes on."""
        assert self._session is not None
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._session.get("/news", headers=sent, allow_redirects=False)

    @property
    def cookies(self) -> dict[str, str]:
        """What the console has given to be shown again."""
        assert self._session is not None
        return {cookie.key: cookie.value for cookie in self._session.cookie_jar}

    def forget(self) -> None:
        """Lose all cookies."""
        assert self._session is not None
        self._session.cookie_jar.clear()

    async def _ask(
        self, method: str, path: str, form: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, str, dict[str, str]]:
        assert self._session is not None
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = self._session.request(
            method, path, headers=sent, data=form if method == "POST" else None, allow_redirects=False
        )
        async with asked as answer:
            return answer.status, await answer.text(), dict(answer.headers)


@asynccontextmanager
async def serving(
    folder: Path,
    entries: Sequence[HistoryEntry] = (),
    *,
    now: datetime = NOW,
    session_seconds: float = 3600.0,
    desk: VerdictDesk | None = None,
    live: Callable[[], Live] = Live,
    clock: Clock | None = None,
) -> AsyncIterator[Visitor]:
    """Serve a history with these entries, to a visitor who has not entered yet."""
    path, clock = folder / "history.sqlite", clock or SystemClock()
    save(path, entries)
    sign_in = TokenSignIn(clock, folder / "token", session_seconds)
    with History(path) as history:
        console = Console(
            lambda: history,
            clock,
            sign_in,
            host="127.0.0.1",
            port=0,
            version="1.2.3",
            desk=desk,
            now=lambda: now,
            live=live,
        )
        await console.start()
        try:
            async with Visitor(console, sign_in.token) as visitor:
                yield visitor
        finally:
            await console.stop()
