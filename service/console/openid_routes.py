"""The routes of signing in by a provider, and out: what is answered to a browser on its way there and back.

Who may enter is `openid_sign_in`'s.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

import structlog
from aiohttp import web

from service.console.access import EntryRefused, Session
from service.console.cookies import Cookies
from service.console.guard import RequestPace, check_own
from service.console.openid_sign_in import BEGUN_SECONDS, OpenIdSignIn
from service.console.rendering import page_html
from service.console.responses import about, go_on, inside, session_of
from service.console.sign_in_routes import Handler, Refuse
from service.core.ports import Clock
from service.openid import ProviderFailed
from service.waiting import end, within

CALLBACK, LOGIN = "/callback", "/login"
"""Where the provider sends people back to, and where they are sent when they have signed out: it has to know both."""
_PROVIDER_WITHIN = 8.0
"""Seconds for all that is asked of the provider in one request: less than its connection lasts."""

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


class OpenIdRoutes:
    """Lets in whoever the provider vouches for."""

    open_to_all: tuple[str, ...] = (LOGIN, "/enter", CALLBACK, "/static/")
    takes_tokens = True

    def __init__(self, sign_in: OpenIdSignIn, clock: Clock, refuse: Refuse) -> None:
        self.public = sign_in.public
        self.cookies = Cookies(0, sign_in.public)
        self.sessions = sign_in.sessions
        self.entered = 0
        self._sign_in = sign_in
        self._refuse = refuse
        self._pace = RequestPace(clock, at_once=60, a_second=1.0)
        self._looking: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Prepare nothing: a provider that is away keeps nobody from alerting."""

    def listens(self, port: int) -> None:
        """Name cookies, and look at the provider, so that a mistake is in the log before somebody needs to enter."""
        self.cookies = Cookies(port, self.public)
        self._looking = asyncio.create_task(self._look())

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        """Return what is answered here."""
        return (
            ("GET", LOGIN, self._ask_who),
            ("HEAD", LOGIN, self._ask_who),
            ("GET", "/enter", self._send_to_provider),
            ("GET", CALLBACK, self._let_in),
            ("POST", "/logout", self._let_out),
        )

    def described(self) -> Mapping[str, str]:
        """Say who vouches for people."""
        return {"public_url": self.public, "sign_in": self._sign_in.provider}

    def to_open(self, address: str) -> str:
        """Return the address that browsers know."""
        return self.public

    async def bearer(self, token: str) -> Session:
        """Return a session for the one request that comes with an access token."""
        return await _in_time(self._sign_in.bearer(token))

    async def close(self) -> None:
        """Release connections to the provider."""
        if self._looking is not None:
            await end([self._looking])
        await self._sign_in.client.close()

    async def _look(self) -> None:
        try:
            await self._sign_in.client.look()
        except ProviderFailed as error:
            _log.warning("console_sign_in_unavailable", provider=self._sign_in.provider, reason=str(error))

    async def _ask_who(self, request: web.Request) -> web.Response:
        onward = inside(request.query.get("next", "/"))
        return go_on(onward) if session_of(request) is not None else self._page(onward, "", 200)

    def _page(self, onward: str, refusal: str, status: int, *, known: bool = False) -> web.Response:
        said = {"onward": onward, "refusal": refusal, "provider": self._sign_in.provider, "known": known}
        facts = {**said, **about(None)}
        return web.Response(text=page_html("sign_in.html", facts), status=status, content_type="text/html")

    async def _send_to_provider(self, request: web.Request) -> web.Response:
        check_own(request.headers)
        self._pace.check()
        onward = inside(request.query.get("next", "/"))
        try:
            browser, choose = request.cookies.get(self.cookies.entering, ""), "choose" in request.query
            begun = await _in_time(self._sign_in.begin(onward, browser, choose=choose))
        except EntryRefused as refusal:
            return self._refused(refusal, onward)
        response = go_on(begun.address)
        self.cookies.give(response, self.cookies.entering, begun.browser, BEGUN_SECONDS)
        return response

    async def _let_in(self, request: web.Request) -> web.Response:
        self._pace.check()
        state, code, error = (request.query.get(name, "") for name in ("state", "code", "error"))
        browser = request.cookies.get(self.cookies.entering, "")
        try:
            person, entered = await _in_time(self._sign_in.finish(state, code, error, browser))
        except EntryRefused as refusal:
            return self._refused(refusal, "/")
        self.sessions.end(request.cookies.get(self.cookies.session, ""))  # whoever was in before, in this browser
        self.entered += 1
        _log.info("console_entered", by=person.name, subject=person.subject, roles=sorted(map(str, person.roles)))
        response = go_on(entered.onward)
        self.cookies.give(response, self.cookies.session, entered.secret)
        return response

    def _refused(self, refusal: EntryRefused, onward: str) -> web.Response:
        if refusal.subject:
            _log.warning("console_entry_refused", subject=refusal.subject, reason=str(refusal))
        self._refuse(refusal)
        return self._page(onward, str(refusal), refusal.status, known=bool(refusal.subject))

    async def _let_out(self, request: web.Request) -> web.Response:
        session = self.sessions.end(request.cookies.get(self.cookies.session, ""))
        person = session.person if session else None
        if person is not None:
            _log.info("console_left", by=person.name, subject=person.subject)
        try:
            onward = await _in_time(self._sign_in.client.leaving(person.hint if person else ""))
        except EntryRefused:
            onward = ""
        # A page that leads on, not a redirect: a browser does not let a form of ours end on another's page.
        facts = {"onward": onward, "provider": self._sign_in.provider, **about(None)}
        response = web.Response(text=page_html("left.html", facts), content_type="text/html")
        self.cookies.take(response, self.cookies.session)
        return response


async def _in_time(asked: Awaitable[_T]) -> _T:
    try:
        return await within(None, _PROVIDER_WITHIN, asked)
    except TimeoutError:
        raise EntryRefused("the provider does not answer in time: try again", 503) from None
