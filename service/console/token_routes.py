"""The routes of signing in with the token, and out; whether a token is good is `token_sign_in`'s to say."""

from collections.abc import Mapping, Sequence

import structlog
from aiohttp import web

from service.console.access import EntryRefused, Session
from service.console.cookies import Cookies
from service.console.guard import RequestRefused, check_own, comes_from_elsewhere
from service.console.rendering import page_html
from service.console.responses import about, go_on, inside, read_form, session_of
from service.console.sign_in_routes import Handler, Refuse
from service.console.token_sign_in import TokenSignIn

_log = structlog.get_logger(__name__)


class TokenRoutes:
    """Lets in whoever has the token."""

    open_to_all: tuple[str, ...] = ("/login", "/enter", "/static/")
    public = ""
    takes_tokens = False

    def __init__(self, sign_in: TokenSignIn, refuse: Refuse) -> None:
        self.cookies = Cookies(0)
        self.sessions = sign_in.sessions
        self.entered = 0
        self._sign_in = sign_in
        self._refuse = refuse

    def open(self) -> None:
        """Make the first token."""
        try:
            self._sign_in.renew()
        except OSError as error:
            raise OSError(f"console.token_file: cannot be written: {error}") from error

    def listens(self, port: int) -> None:
        """Name cookies by the port."""
        self.cookies = Cookies(port)

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        """Return what is answered here."""
        return (
            ("GET", "/login", self._ask_who),
            ("HEAD", "/login", self._ask_who),
            ("POST", "/login", self._let_in),
            ("GET", "/enter", self._let_in_by_address),
            ("POST", "/logout", self._let_out),
        )

    def described(self) -> Mapping[str, str]:
        """Say where the token is."""
        return {"token_file": str(self._sign_in.file)}

    def to_open(self, address: str) -> str:
        """Return the address that lets in once: a secret."""
        return f"{address}/enter?token={self._sign_in.token}"

    async def bearer(self, token: str) -> Session:
        """Refuse: there is nobody who could have given a token."""
        raise EntryRefused("this needs the cookie of a session: access tokens need sign_in", 401)

    async def close(self) -> None:
        """Release nothing."""

    async def _ask_who(self, request: web.Request) -> web.Response:
        onward = inside(request.query.get("next", "/"))
        if session_of(request) is not None:
            return go_on(onward)
        return self._login_page(onward, "", 200, elsewhere=comes_from_elsewhere(request.headers))

    def _login_page(self, onward: str, refusal: str, status: int, *, elsewhere: bool = False) -> web.Response:
        said = {"onward": onward, "refusal": refusal, "elsewhere": elsewhere, "token_file": str(self._sign_in.file)}
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
            secret = self._sign_in.enter(token, name)
        except EntryRefused as refusal:
            self._refuse(refusal)
            return self._login_page(onward, str(refusal), 403)
        except OSError as error:
            raise RequestRefused(503, f"the file of the token cannot be written: {error.strerror}") from None
        session = self.sessions.of(secret)
        self.entered += 1
        _log.info("console_entered", by=session.person.name if session else "")
        response = go_on(onward)
        self.cookies.give(response, self.cookies.session, secret)
        return response

    async def _let_out(self, request: web.Request) -> web.Response:
        self.sessions.end(request.cookies.get(self.cookies.session, ""))
        response = go_on("/login")
        self.cookies.take(response, self.cookies.session)
        return response
