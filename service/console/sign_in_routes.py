"""How people sign in and out, as the server sees it: a few routes, the cookies, and who is signed in.

The two ways are `token_routes` and `openid_routes`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from aiohttp import web

from service.console.access import EntryRefused, Session, Sessions
from service.console.cookies import Cookies

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refuse = Callable[[EntryRefused], None]
"""Notes, in one line, that somebody was not let in."""


class SignInRoutes(Protocol):
    """The routes of one way to sign in."""

    cookies: Cookies
    sessions: Sessions
    """Who is in."""
    open_to_all: tuple[str, ...]
    """How paths begin that nobody has to be signed in for."""
    public: str
    """Address at which browsers reach the console; empty if that is this machine alone."""
    entered: int
    """How many sign-ins have let somebody in."""
    takes_tokens: bool
    """Whether programs may come with an access token."""

    def open(self) -> None:
        """Prepare to let somebody in.

        Raises
        ------
        OSError
            Nobody could be let in.
        """
        ...

    def listens(self, port: int) -> None:
        """Hear on which port the console is; begin whatever nobody should wait for."""
        ...

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        """Return what is answered here: method, path, and by whom."""
        ...

    def described(self) -> Mapping[str, str]:
        """Return what the log says of this way in."""
        ...

    def to_open(self, address: str) -> str:
        """Return the address to open, which may let in; `address` is where the console listens."""
        ...

    async def bearer(self, token: str) -> Session:
        """Return a session for the one request that comes with a token.

        Raises
        ------
        EntryRefused
            The token is not accepted.
        """
        ...

    async def close(self) -> None:
        """Release what letting people in has needed."""
        ...
