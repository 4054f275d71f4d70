"""Serves the console: who may ask what is decided here; how a page is made is `answering`'s.

What it says is the page's own.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from functools import partial
from urllib.parse import quote

import structlog
from aiohttp import web

from service.console.access import EntryRefused, Session
from service.console.answering import Answers
from service.console.api_models import CurrentSession
from service.console.asking import NotPossible, NotThere, Stale
from service.console.desk import VerdictDesk
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
from service.console.live import Live
from service.console.news import NewsStreams
from service.console.openapi import document
from service.console.openid_routes import OpenIdRoutes
from service.console.openid_sign_in import OpenIdSignIn
from service.console.questions import EXPORTS, SESSION
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
from service.console.routes import PAGES, PageRoute
from service.console.sign_in_routes import Handler, SignInRoutes
from service.console.token_routes import TokenRoutes
from service.console.token_sign_in import TokenSignIn
from service.core.ports import Clock
from service.history import History, NoHistory
from service.listening import WebPort

_MOST_SENT = 64 * 1024
_SAY_EVERY = 10.0
_LIVE = "X-Live"
"""Carried by what a list asks by itself: nobody is at work there."""
_NEWS = "/news"
"""Where a list is told of news, which is as little work."""

_log = structlog.get_logger(__name__)


class Console:
    """The console, listening.

    Parameters
    ----------
    open_history
        Returns what the pages read from; called in a thread.
    clock
        Times sessions, and says what is now.
    sign_in
        How people sign in: with a token that works once, or by a provider.
    host, port
        Where to listen, which is this machine alone where a token lets in; port 0 takes any that is free.
    version
        Of the service, for the API's document.
    desk
        Where verdicts are handed in; None where there is no service that would learn from them.
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
        sign_in: TokenSignIn | OpenIdSignIn,
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
        self._sign_in: SignInRoutes = (
            OpenIdRoutes(sign_in, clock, self._note_entry_refused)
            if isinstance(sign_in, OpenIdSignIn)
            else TokenRoutes(sign_in, self._note_entry_refused)
        )
        self._host = host
        self._port = port
        self._version = version
        self._announce = announce
        self._answers = Answers(open_history, now or clock.now, desk, live)
        self._news = NewsStreams(self._answers.news, clock)
        self._pace, self._pace_inside, self._changes = RequestPace(clock), RequestPace(clock), PersonalPace(clock)
        self._serving: WebPort | None = None
        self._refused = self._entries_refused = 0
        self._said = -_SAY_EVERY

    async def start(self) -> None:
        """Begin to listen, unless it does already.

        Raises
        ------
        OSError
            The address is taken or not ours, or the token's file cannot be written.
        """
        if self._serving is None:
            self._sign_in.open()
            app = web.Application(client_max_size=_MOST_SENT, middlewares=[self._guarded])
            for method, path, handler in self._sign_in.routes():
                app.router.add_route(method, path, handler)
            app.router.add_get("/static/{name:.+}", send_asset)
            app.router.add_get("/api/v1/openapi.json", self._document)
            app.router.add_get(SESSION, self._who_is_it)
            app.router.add_get(_NEWS, self._tell_news, allow_head=False)
            for route in PAGES:
                add = app.router.add_get if route.method == "GET" else app.router.add_post  # who may GET, may HEAD
                add(route.path, partial(self._answer, route))
            serving = WebPort(app, host=self._host, port=self._port, option="console.port")
            self._port = await serving.start()
            self._serving = serving
            self._sign_in.listens(self._port)
            _log.info("console_listening", address=self.address, **self._sign_in.described())
            self._announce(self._sign_in.to_open(self.address))

    @property
    def address(self) -> str:
        """Where it is, for a browser on this machine."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def sign_ins(self) -> tuple[int, int]:
        """How many sign-ins have let somebody in, and how many have not."""
        return self._sign_in.entered, self._entries_refused

    async def stop(self) -> None:
        """Stop listening and finish the answers under way, within a second; no effect if it does not run."""
        self._news.end()
        if self._serving is not None:
            await self._serving.stop()
            await self._sign_in.close()
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
            response.headers.update({name: one for name, one in error.headers.items() if name == "Allow"})
        except Exception:  # noqa: BLE001 - whatever it is, a reader is told nothing of it, and the service goes on
            _log.exception("console_failed_on_a_bug", path=request.path)
            response = self._failure(request, 500, "this page cannot be made: the log of the service says why")
        response.headers.update(HEADERS)
        if self._sign_in.public.startswith("https://"):
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        routes, live = self._sign_in, _LIVE in request.headers or request.path == _NEWS
        session = await self._find_session(request, in_use=not live)
        # Whoever has not entered can flood the sign-in, and not who has entered.
        (self._pace_inside if session else self._pace).check()
        check_host(request.headers, self._host, routes.public)
        changing = request.method not in {"GET", "HEAD"}
        if changing:
            field = str((await read_form(request)).get(CSRF_FIELD, ""))
            check_meant(request.headers, field, session, routes.public)
            if session is not None:
                self._changes.check(session.person)
        if session is None and not request.path.startswith(routes.open_to_all):
            if live:
                return self._failure(request, 401, "the session is over")
            if request.path.startswith("/api/"):
                token = ", or an access token" if routes.takes_tokens else ""
                raise RequestRefused(401, f"sign in first: this needs the cookie of a session{token}")
            onward = own_page(request.headers) if changing else request.path_qs
            return go_on(f"/login?next={quote(onward, safe='')}")
        return await handler(request)

    async def _find_session(self, request: web.Request, *, in_use: bool) -> Session | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and (request.path.startswith("/api/") or request.path in EXPORTS):
            try:
                session: Session | None = await self._sign_in.bearer(token.strip())
            except EntryRefused as refusal:
                self._entries_refused += 1
                self._pace.check()
                raise RequestRefused(refusal.status, str(refusal)) from None
        else:
            secret = request.cookies.get(self._sign_in.cookies.session, "")
            session = self._sign_in.sessions.of(secret)
            if in_use:
                self._sign_in.sessions.use(secret)
        if session is not None:
            request[SESSION_OF_REQUEST] = session
        return session

    def _note_entry_refused(self, refusal: EntryRefused) -> None:
        self._entries_refused += 1
        if not refusal.subject:  # who has proven who they are has a line of their own
            self._note_refusal(str(refusal))

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
        if route.role not in session.person.roles:
            if route.method != "GET":
                who = {"by": session.person.name, "subject": session.person.subject}
                _log.warning("console_decision_refused", **who, path=request.path, needs=str(route.role))
            raise RequestRefused(403, f"this needs the role {route.role}")
        form = {name: value for name, value in (await read_form(request)).items() if isinstance(value, str)}
        part, query, shown = (
            request.match_info.get("id", ""),
            dict(request.query),
            {**about(session), "here": route.name},
        )
        try:
            return await self._answers.answer(route, part, query, form, session.person, shown)
        except Stale as error:
            return self._failure(request, 409, str(error))
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
        secret = request.cookies.get(self._sign_in.cookies.session, "")
        return await self._news.serve(request, allowed=lambda: self._sign_in.sessions.of(secret) is not None)

    async def _who_is_it(self, request: web.Request) -> web.Response:
        session = session_of(request)
        if session is None:
            raise RequestRefused(401, "the session has just ended")
        said = CurrentSession(name=session.person.name, roles=tuple(sorted(session.person.roles)), csrf=session.csrf)
        return to_response(said, {})

    async def _document(self, _: web.Request) -> web.Response:
        return web.json_response(
            document(self._version, self._sign_in.cookies.session, bearer=self._sign_in.takes_tokens)
        )

    def _failure(self, request: web.Request, status: int, text: str) -> web.Response:
        if request.path.startswith("/api/"):
            return web.json_response({"error": text}, status=status)
        facts = {"status": status, "text": text, **about(session_of(request))}
        return web.Response(text=page_html("failure.html", facts), status=status, content_type="text/html")
