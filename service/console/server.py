"""Serves the console: who may ask what is decided here; how a page is made is `answering`'s.

What it says is the page's own.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from urllib.parse import quote

import structlog
from aiohttp import web

from service.console.access import Door, EntryRefused, Session
from service.console.answering import Answers
from service.console.api_models import SessionSaid
from service.console.asking import NotPossible, NotThere
from service.console.desk import VerdictDesk
from service.console.guard import (
    CSRF_FIELD,
    HEADERS,
    RequestPace,
    RequestRefused,
    check_host,
    check_meant,
    check_own,
    comes_from_elsewhere,
    own_page,
)
from service.console.live import Live
from service.console.news import NewsStreams
from service.console.openapi import document
from service.console.questions import SESSION
from service.console.rendering import page_html
from service.console.responses import about, go_on, inside, read_form, send_asset, to_response
from service.console.routes import PAGES, PageRoute
from service.core.ports import Clock
from service.history import History, NoHistory
from service.listening import WebPort

_MOST_SENT = 64 * 1024
_SAY_EVERY = 10.0
_OPEN_TO_ALL = ("/login", "/enter", "/static/")

_log = structlog.get_logger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Console:
    """The console, listening.

    Parameters
    ----------
    open_history
        Returns what the pages read from; called in a thread.
    clock
        Times sessions, and says what is now.
    door
        Lets in.
    host, port
        Where to listen, which is this machine alone; port 0 takes any that is free.
    version
        Of the service, for the API's document.
    desk
        Where verdicts are handed in; None where there is no service that would heed them.
    announce
        Told the address that lets in once, when there is one: it is a secret.
    now
        The present of what is shown; `clock`'s unless it shows the past.
    live
        Returns what the service says of itself, if there is one.
    """

    def __init__(
        self,
        open_history: Callable[[], History],
        clock: Clock,
        door: Door,
        *,
        host: str,
        port: int,
        version: str,
        desk: VerdictDesk | None = None,
        announce: Callable[[str], None] = lambda address: None,
        now: Callable[[], datetime] | None = None,
        live: Callable[[], Live] = Live,
    ) -> None:
        self._clock = clock
        self._door = door
        self._host = host
        self._port = port
        self._version = version
        self._announce = announce
        self._answers = Answers(open_history, now or clock.now, desk, live)
        self._news = NewsStreams(self._answers.news, clock)
        self._pace, self._pace_inside = RequestPace(clock), RequestPace(clock)
        self._serving: WebPort | None = None
        self._refused = 0
        self._said = -_SAY_EVERY
        self._cookie = "unwonted"

    async def start(self) -> None:
        """Begin to listen, unless it does already.

        Raises
        ------
        OSError
            The address is taken or not ours, or the token's file cannot be written.
        """
        if self._serving is None:
            try:
                self._door.renew()
            except OSError as error:
                raise OSError(f"console.token_file: cannot be written: {error}") from error
            app = web.Application(client_max_size=_MOST_SENT, middlewares=[self._guarded])
            app.router.add_get("/login", self._ask_who)
            app.router.add_post("/login", self._let_in)
            app.router.add_get("/enter", self._let_in_by_address)
            app.router.add_post("/logout", self._let_out)
            app.router.add_get("/static/{name:.+}", send_asset)
            app.router.add_get("/api/v1/openapi.json", self._document)
            app.router.add_get(SESSION, self._who_is_it)
            app.router.add_get("/news", self._tell_news, allow_head=False)
            for route in PAGES:
                add = app.router.add_get if route.method == "GET" else app.router.add_post  # who may GET, may HEAD
                add(route.path, partial(self._answer, route))
            serving = WebPort(app, host=self._host, port=self._port, option="console.port")
            self._port = await serving.start()
            self._serving = serving
            # A browser sends a cookie to every port of a host: two consoles should not sign each other's readers out.
            self._cookie = f"unwonted_{self._port}"
            _log.info("console_listening", address=self.address, token_file=str(self._door.file))
            self._announce(f"{self.address}/enter?token={self._door.token}")

    @property
    def address(self) -> str:
        """Where it is, for a browser on this machine."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def stop(self) -> None:
        """Stop listening and finish the answers under way, within a second; no effect if it does not run."""
        self._news.end()
        if self._serving is not None:
            await self._serving.stop()
            self._serving = None

    @web.middleware
    async def _guarded(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Answer who may ask, refuse everybody else in one line, and say what a browser may do with the answer."""
        try:
            response = await self._checked(request, handler)
        except RequestRefused as refusal:
            self._note_refusal(str(refusal))
            response = self._failure(request, refusal.status, str(refusal))
        except web.HTTPException as error:
            response = self._failure(request, error.status, error.reason.lower())
            response.headers.update({name: one for name, one in error.headers.items() if name == "Allow"})
        except Exception:  # noqa: BLE001 - whatever it is, a reader is told nothing of it, and the service goes on
            _log.exception("console_failed_on_a_bug", path=request.path)
            response = self._failure(request, 500, "this page cannot be made: the log of the service says why")
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    async def _checked(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        session = self._session(request)
        # Whoever has not entered can flood the door, and not who is inside.
        (self._pace_inside if session else self._pace).check()
        check_host(request.headers, self._host)
        changing = request.method not in {"GET", "HEAD"}
        if changing:
            field = str((await read_form(request)).get(CSRF_FIELD, ""))
            check_meant(request.headers, field, session)
        if session is None and not request.path.startswith(_OPEN_TO_ALL):
            if request.path.startswith("/api/"):
                raise RequestRefused(401, "sign in first: this needs the cookie of a session")
            onward = own_page(request.headers) if changing else request.path_qs
            return go_on(f"/login?next={quote(onward, safe='')}")
        return await handler(request)

    def _session(self, request: web.Request) -> Session | None:
        return self._door.session(request.cookies.get(self._cookie, ""))

    def _note_refusal(self, reason: str) -> None:
        """Say that somebody was refused, ten seconds after the last time at the earliest."""
        self._refused += 1
        now = self._clock.elapsed()
        if now - self._said >= _SAY_EVERY:
            _log.warning("console_refused", count=self._refused, reason=reason)
            self._refused, self._said = 0, now

    async def _answer(self, route: PageRoute, request: web.Request) -> web.Response:
        session = self._session(request)
        if session is None:
            raise RequestRefused(403, "the session has just ended")
        if route.role not in session.person.roles:
            raise RequestRefused(403, f"this needs the role {route.role}")
        form = {name: value for name, value in (await read_form(request)).items() if isinstance(value, str)}
        part, query, by = request.match_info.get("id", ""), dict(request.query), session.person.name
        try:
            return await self._answers.answer(route, part, query, form, by, {**about(session), "here": route.name})
        except NotPossible as error:
            return self._failure(request, 400, str(error))
        except NotThere as error:
            return self._failure(request, 404, str(error))
        except NoHistory:
            return self._failure(request, 503, "there is no history yet, or it cannot be read")
        except (OSError, sqlite3.Error) as error:  # a deadline that has passed is an OSError, too
            _log.warning("console_unanswered", path=route.path, error=type(error).__name__, text=str(error))
            said = getattr(error, "strerror", None) or str(error)  # a reader need not know where files are
            return self._failure(request, 503, f"this cannot be read or kept now: {said}")

    async def _tell_news(self, request: web.Request) -> web.StreamResponse:
        return await self._news.serve(request, allowed=lambda: self._session(request) is not None)

    async def _who_is_it(self, request: web.Request) -> web.Response:
        session = self._session(request)
        if session is None:
            raise RequestRefused(401, "the session has just ended")
        said = SessionSaid(name=session.person.name, roles=tuple(sorted(session.person.roles)), csrf=session.csrf)
        return to_response(said, {})

    async def _document(self, _: web.Request) -> web.Response:
        return web.json_response(document(self._version, self._cookie))

    def _failure(self, request: web.Request, status: int, text: str) -> web.Response:
        if request.path.startswith("/api/"):
            return web.json_response({"error": text}, status=status)
        facts = {"status": status, "text": text, **about(self._session(request))}
        return web.Response(text=page_html("failure.html", facts), status=status, content_type="text/html")

    async def _ask_who(self, request: web.Request) -> web.Response:
        if self._session(request) is not None:
            return go_on(inside(request.query.get("next", "/")))
        elsewhere = comes_from_elsewhere(request.headers)
        return self._login_page(inside(request.query.get("next", "/")), "", 200, elsewhere=elsewhere)

    def _login_page(self, onward: str, refusal: str, status: int, *, elsewhere: bool = False) -> web.Response:
        said = {"onward": onward, "refusal": refusal, "elsewhere": elsewhere, "token_file": str(self._door.file)}
        facts = {**said, **about(None)}
        return web.Response(text=page_html("login.html", facts), status=status, content_type="text/html")

    async def _let_in(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        token, name, onward = (str(form.get(field, "")) for field in ("token", "name", "next"))
        return self._entered(token, name, inside(onward))

    async def _let_in_by_address(self, request: web.Request) -> web.Response:
        check_own(request.headers)
        return self._entered(request.query.get("token", ""), "", inside(request.query.get("next", "/")))

    def _entered(self, token: str, name: str, onward: str) -> web.Response:
        try:
            secret = self._door.enter(token, name)
        except EntryRefused as refusal:
            self._note_refusal(str(refusal))
            return self._login_page(onward, str(refusal), 403)
        except OSError as error:
            raise RequestRefused(503, f"the file of the token cannot be written: {error.strerror}") from None
        session = self._door.session(secret)
        _log.info("console_entered", by=session.person.name if session else "")
        response = go_on(onward)
        response.set_cookie(self._cookie, secret, httponly=True, samesite="Strict", path="/")
        return response

    async def _let_out(self, request: web.Request) -> web.Response:
        self._door.leave(request.cookies.get(self._cookie, ""))
        response = go_on("/login")
        response.del_cookie(self._cookie, path="/", httponly=True, samesite="Strict")
        return response
