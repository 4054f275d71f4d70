"""A console that a provider on this machine lets people into, and the way there and back as a browser goes it."""

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import aiohttp
import yaml

from service.console.desk import VerdictDesk
from service.console.live import Live
from service.console.server import Console
from service.history.reading import History
from service.history.values import HistoryEntry
from service.settings.reading import load
from service.wiring.console import build_sign_in
from tests.fakes.clock import FakeClock
from tests.fakes.openid_provider import CLIENT, SECRET, OpenIdProvider, providing
from tests.service.console.browsing import NOW, Visitor
from tests.service.history.seen import save

SESSION, IDLE = 43_200.0, 3_600.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Provided(NamedTuple):
    """A console, its provider, somebody who has not entered yet, and the clock of them all."""

    visitor: Visitor
    provider: OpenIdProvider
    clock: FakeClock
    public: str

    def another(self) -> Visitor:
        """Return another browser."""
        return Visitor(self.visitor.console, "")


async def sent_away(visitor: Visitor, onward: str = "/") -> str:
    """Begin to sign in; returns the provider's address that the browser is sent to."""
    status, page, headers = await visitor.get(f"/enter?{urlencode({'next': onward})}", Sec_Fetch_Site="same-origin")
    assert status == 303, page
    return headers["Location"]


async def back_from(address: str) -> str:
    """Sign in at the provider; returns what of the console's it leads back to."""
    async with aiohttp.ClientSession() as session, session.get(address, allow_redirects=False) as answer:
        back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


async def sign_in(visitor: Visitor, onward: str = "/") -> tuple[int, str, dict[str, str]]:
    """Go all the way; returns what the console answers at its end."""
    return await visitor.get(await back_from(await sent_away(visitor, onward)), Sec_Fetch_Site="cross-site")


@asynccontextmanager
async def provided(
    folder: Path,
    entries: Sequence[HistoryEntry] = (),
    *,
    desk: VerdictDesk | None = None,
    live: Callable[[], Live] = Live,
    public: str = "",
    provider_host: str = "127.0.0.1",
    **sign_in: Any,
) -> AsyncIterator[Provided]:
    """Serve a history with these entries to whoever the provider vouches for."""
    path, clock, port = folder / "history.sqlite", FakeClock(), free_port()
    public = public or f"http://127.0.0.1:{port}"
    save(path, entries)
    async with providing(clock, provider_host) as provider:
        provider.redirects = {f"{public}/callback"}
        options = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, **sign_in}
        lasts = {"session": SESSION, "idle": IDLE, "public_url": public, "enabled": True}
        (folder / "unwonted.yaml").write_text(yaml.safe_dump({"sign_in": options, "console": lasts}))
        way_in = build_sign_in(load(folder / "unwonted.yaml", {}), clock)
        with History(path) as history:
            console = Console(
                lambda: history,
                clock,
                way_in,
                host="127.0.0.1",
                port=port,
                version="1",
                desk=desk,
                now=lambda: NOW,
                live=live,
            )
            await console.start()
            try:
                async with Visitor(console, "") as visitor:
                    yield Provided(visitor, provider, clock, public)
            finally:
                await console.stop()
