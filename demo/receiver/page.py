"""The page that shows the inbox: its files, what came so far, and what comes while somebody looks.

How a card or a block is drawn is decided by the files under `static`.
"""

import contextlib
import json
from pathlib import Path

from aiohttp import web

from demo.receiver.inbox import Inbox, Received

STATIC = Path(__file__).parent / "static"
CARD_RENDERER = Path(__file__).parents[2] / "node_modules" / "adaptivecards" / "dist" / "adaptivecards.min.js"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:"
)
UNCACHED = {"Cache-Control": "no-store"}


class Page:
    """The handlers of the page's addresses.

    Parameters
    ----------
    inbox
        What to show.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def add_to(self, app: web.Application) -> None:
        """Answer at ``/`` and at what the page asks for."""
        app.router.add_get("/", self._html)
        app.router.add_get("/messages.js", self._history)
        app.router.add_get("/messages", self._stream)
        app.router.add_get("/adaptivecards.js", self._card_renderer)
        app.router.add_static("/static", STATIC)

    async def _html(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html", headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})

    async def _card_renderer(self, _: web.Request) -> web.StreamResponse:
        if not CARD_RENDERER.exists():
            raise web.HTTPNotFound(text="the adaptivecards package is not installed: npm ci --omit=dev")
        return web.FileResponse(CARD_RENDERER)

    async def _history(self, _: web.Request) -> web.StreamResponse:
        """Give what came so far as a script, so that the page is complete as soon as it has loaded."""
        shown = json.dumps([_shown(entry) for entry in self._inbox.entries])
        return web.Response(text=f"globalThis.already = {shown};", content_type="text/javascript", headers=UNCACHED)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Send what comes after what the page has, as server-sent events."""
        inbox = self._inbox
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **UNCACHED})
        await response.prepare(request)
        # A browser that reconnects says itself where it was; more than there is was another receiver's count.
        seen = request.headers.get("Last-Event-ID") or request.query.get("after", "")
        last = int(seen) if seen.isdecimal() and int(seen) <= inbox.count else 0
        with contextlib.suppress(ConnectionResetError):  # the browser has left
            while not inbox.closed:
                for entry in [entry for entry in inbox.entries if entry.number > last]:
                    await response.write(f"id: {entry.number}\ndata: {json.dumps(_shown(entry))}\n\n".encode())
                    last = entry.number
                await inbox.wait_for(lambda: inbox.closed or inbox.count > last)  # noqa: B023 - awaited here
        return response


def _shown(entry: Received) -> dict[str, object]:
    return {
        "number": entry.number,
        "kind": entry.kind,
        "payload": entry.payload,
        "size": entry.size,
        "time": entry.time.isoformat(),
        "status": entry.status,
        "problems": entry.problems,
    }
