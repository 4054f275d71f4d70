"""Serves the console: who may ask what is decided here, what is answered by the pages.

Every page is read and made in a thread of its own with a deadline, so that a slow disk holds up nobody but its reader.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar
from urllib.parse import quote

import structlog
from aiohttp import web

from service.console.access import EntryRefused, Session
from service.console.api_models import SessionSaid
from service.console.asking import Decided, Finished, NotPossible, NotThere, PageQuery
from service.console.desk import HandedIn, VerdictDesk
from service.console.entrance import Entrance, Handler
from service.console.guard import (
    CSRF_FIELD,
    HEADERS,
    PersonalPace,
    RequestPace,
    RequestRefused,
    check_host,
    check_meant,
    own_page,
)
from service.console.openid_door import OpenIdDoor
from service.console.openid_entrance import OpenIdEntrance
from service.console.rendering import page_html
from service.console.responses import (
    SESSION_OF_REQUEST,
    about,
    go_on,
    read_form,
    send_asset,
    session_of,
    to_response,
)
from service.console.routes import PAGES, SESSION, PageRoute, document
from service.console.token_door import Door
from service.console.token_entrance import TokenEntrance
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
_LIVE = "X-Live"
"""Carried by what a list asks by itself: nobody is at work there."""

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


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
        Where to listen, which is this machine alone where a token lets in; port 0 takes any that is free.
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
        door: Door | OpenIdDoor,
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
        self._entrance: Entrance = (
            OpenIdEntrance(door, clock, self._note_refusal)
            if isinstance(door, OpenIdDoor)
            else TokenEntrance(door, self._note_refusal)
        )
        self._host = host
        self._port = port
        self._version = version
        self._desk = desk
        self._announce = announce
        self._now = now or clock.now
        self._pace, self._pace_inside, self._changes = RequestPace(clock), RequestPace(clock), PersonalPace(clock)
        # More threads than turns: one that has answered is free a moment later, and one may hang.
        self._aside, self._turns = DaemonExecutor(2 * _AT_ONCE), asyncio.Semaphore(_AT_ONCE)
        self._judging = asyncio.Lock()
        self._serving: WebPort | None = None
        self._refused = 0
        self._said = -_SAY_EVERY

    async def start(self) -> None:
        """Begin to listen, unless it does already.

        Raises
        ------
        OSError
            The address is taken or not ours, or the token's file cannot be written.
        """
        if self._serving is None:
            self._entrance.open()
            app = web.Application(client_max_size=_MOST_SENT, middlewares=[self._guarded])
            for method, path, handler in self._entrance.routes():
                app.router.add_route(method, path, handler)
            app.router.add_get("/static/{name:.+}", send_asset)
            app.router.add_get("/api/v1/openapi.json", self._document)
            app.router.add_get(SESSION, self._who_is_it)
            for route in PAGES:
                app.router.add_route(route.method, route.path, partial(self._answer, route))
            serving = WebPort(app, host=self._host, port=self._port, option="console.port")
            self._port = await serving.start()
            self._serving = serving
            self._entrance.listens(self._port)
            _log.info("console_listening", address=self.address, **self._entrance.described())
            self._announce(self._entrance.to_open(self.address))

    @property
    def address(self) -> str:
        """Where it is, for a browser on this machine."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def stop(self) -> None:
        """Stop listening and finish the answers under way, within a second; no effect if it does not run."""
        if self._serving is not None:
            await self._serving.stop()
            await self._entrance.close()
            self._serving = None

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
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
        if self._entrance.public.startswith("https://"):
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        entrance, live = self._entrance, _LIVE in request.headers
        session = await self._find_session(request, in_use=not live)
        # Whoever has not entered can flood the door, and not who is inside.
        (self._pace_inside if session else self._pace).check()
        check_host(request.headers, self._host, entrance.public)
        changing = request.method not in {"GET", "HEAD"}
        if changing:
            field = str((await read_form(request)).get(CSRF_FIELD, ""))
            check_meant(request.headers, field, session, entrance.public)
            if session is not None:
                self._changes.check(session.person)
        if session is None and not request.path.startswith(entrance.open_to_all):
            if live:
                return self._failure(request, 401, "the session is over")
            if request.path.startswith("/api/"):
                raise RequestRefused(401, "sign in first: this needs the cookie of a session")
            onward = own_page(request.headers) if changing else request.path_qs
            return go_on(f"/login?next={quote(onward, safe='')}")
        return await handler(request)

    async def _find_session(self, request: web.Request, *, in_use: bool) -> Session | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and request.path.startswith("/api/"):
            try:
                session: Session | None = await self._entrance.bearer(token.strip())
            except EntryRefused as refusal:
                self._pace.check()
                raise RequestRefused(refusal.status, str(refusal)) from None
        else:
            secret = request.cookies.get(self._entrance.jar.session, "")
            session = self._entrance.session(secret)
            if in_use:
                self._entrance.use(secret)
        if session is not None:
            request[SESSION_OF_REQUEST] = session
        return session

    def _note_refusal(self, reason: str) -> None:
        """Say that somebody was refused, ten seconds after the last time at the earliest."""
        self._refused += 1
        now = self._clock.elapsed()
        if now - self._said >= _SAY_EVERY:
            _log.warning("console_refused", count=self._refused, reason=reason)
            self._refused, self._said = 0, now

    async def _answer(self, route: PageRoute, request: web.Request) -> web.Response:
        session = session_of(request)
        if session is None:
            raise RequestRefused(403, "the session has just ended")
        form = {name: value for name, value in (await read_form(request)).items() if isinstance(value, str)}
        part, query = request.match_info.get("id", ""), dict(request.query)
        asked = PageQuery(part, query, self._now(), session.person.name, form)
        if route.role not in session.person.roles:
            if route.method != "GET":
                who = {"by": session.person.name, "subject": session.person.subject}
                _log.warning("console_decision_refused", **who, path=request.path, needs=str(route.role))
            raise RequestRefused(403, f"this needs the role {route.role}")
        facts = {**about(session), "here": route.name, "verdict_of": self._verdict_of}
        try:
            answer = await within(None, PAGE_WITHIN, self._answered(route, asked, session))
            return await within(None, PAGE_WITHIN, self._run(partial(to_response, answer, facts)))
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

    async def _answered(self, route: PageRoute, asked: PageQuery, session: Session) -> Finished:
        answer = await self._run(lambda: route.answer(self._open_history(), asked))
        if isinstance(answer, HandedIn):
            answer = await self._kept(answer, said=route.name == "API")
        if isinstance(answer, Decided):
            known = {"subject": session.person.subject} if session.person.subject else {}
            _log.info("console_decided", what=answer.what, alert=answer.alert, by=asked.by, **known)
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
        session = session_of(request)
        if session is None:
            raise RequestRefused(401, "the session has just ended")
        said = SessionSaid(name=session.person.name, roles=tuple(sorted(session.person.roles)), csrf=session.csrf)
        return to_response(said, {})

    async def _document(self, _: web.Request) -> web.Response:
        return web.json_response(
            document(self._version, self._entrance.jar.session, bearer=self._entrance.takes_tokens)
        )

    def _failure(self, request: web.Request, status: int, text: str) -> web.Response:
        if request.path.startswith("/api/"):
            return web.json_response({"error": text}, status=status)
        facts = {"status": status, "text": text, **about(session_of(request))}
        return web.Response(text=page_html("failure.html", facts), status=status, content_type="text/html")
