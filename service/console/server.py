"""Serves the console: who may ask what is decided here, what is answered by the pages.

Every page is read and made in a thread of its own with a deadline, so that a slow disk holds up nobody but its reader.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar
from urllib.parse import quote

import structlog
from aiohttp import web

from service.console.access import Door, EntryRefused, Session
from service.console.api_models import SessionSaid
from service.console.asking import Decided, Finished, NotPossible, NotThere, PageQuery
from service.console.desk import HandedIn, VerdictDesk
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
from service.console.rendering import page_html
from service.console.responses import about, go_on, inside, read_form, send_asset, to_response
from service.console.routes import PAGES, SESSION, PageRoute, document
from service.core.ports import Clock
from service.core.verdicts import Verdict
from service.history import History, NoHistory
from service.listening import WebPort
from service.waiting import DaemonExecutor, within

PAGE_WITHIN = 8.0
"""Seconds that reading and making a page may take: less than its connection lasts."""
_AT_ONCE = 4
_MOST_SENT = 64 * 1024
_SAY_EVERY = 10.0
_OPEN_TO_ALL = ("/login", "/enter", "/static/")

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")
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
    ) -> None:
        self._open_history = open_history
        self._clock = clock
        self._door = door
        self._host = host
        self._port = port
        self._version = version
        self._desk = desk
        self._announce = announce
        self._now = now or clock.now
        self._pace, self._pace_inside = RequestPace(clock), RequestPace(clock)
        # More threads than turns: one that has answered is free a moment later, and one may hang.
        self._aside, self._turns = DaemonExecutor(2 * _AT_ONCE), asyncio.Semaphore(_AT_ONCE)
        self._judging = asyncio.Lock()
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
            for route in PAGES:
                app.router.add_route(route.method, route.path, partial(self._answer, route))
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
        form = {name: value for name, value in (await read_form(request)).items() if isinstance(value, str)}
        part, query = request.match_info.get("id", ""), dict(request.query)
        asked = PageQuery(part, query, self._now(), session.person.name, form)
        if route.role not in session.person.roles:
            raise RequestRefused(403, f"this needs the role {route.role}")
        about = {"here": route.name, "person": session.person, "csrf": session.csrf, "verdict_of": self._verdict_of}
        try:
            answer = await within(None, PAGE_WITHIN, self._answered(route, asked))
            return await within(None, PAGE_WITHIN, self._run(partial(to_response, answer, about)))
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

    async def _answered(self, route: PageRoute, asked: PageQuery) -> Finished:
        answer = await self._run(lambda: route.answer(self._open_history(), asked))
        if isinstance(answer, HandedIn):
            answer = await self._kept(answer, said=route.name == "API")
        if isinstance(answer, Decided):
            _log.info("console_decided", what=answer.what, alert=answer.alert, by=asked.by)
        return answer

    async def _kept(self, handed_in: HandedIn, *, said: bool) -> Decided:
        if self._desk is None:
            raise NotPossible("verdicts are given where the service runs: nobody here would heed them")
        try:
            async with self._judging:
                known = self._desk.of(handed_in.alert.id)
                if known and handed_in.after not in {None, known.id}:
                    raise NotPossible(f"{known.by} has judged it meanwhile: open the alert again, and see")
                verdict = await self._desk.give(handed_in)
        except NotPossible:
            raise
        except ValueError as error:
            raise NotPossible(" ".join(str(error).split())[:300]) from error
        what = f"verdict {verdict.kind.value}"
        return Decided(what, verdict.alert, f"/alerts/{verdict.alert}", verdict if said else None)

    def _verdict_of(self, alert: str) -> Verdict | Literal[False] | None:
        """Return the verdict on an alert; False where nobody could give one."""
        return False if self._desk is None else self._desk.of(alert)

    async def _run(self, work: Callable[[], _T]) -> _T:
        async with self._turns:
            return await asyncio.wrap_future(self._aside.submit(work))

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
