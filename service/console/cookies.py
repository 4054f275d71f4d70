"""What cookies of the console are called, and what a browser may do with them: as strict as its address admits."""

from typing import Literal

from aiohttp import web


class Cookies:
    """Cookies of a console.

    Parameters
    ----------
    port
        Where it listens: a browser sends a cookie to every port of a host, and two consoles on one machine should not
        sign each other's readers out.
    public
        Address at which browsers reach it; empty if that is this machine alone.
    """

    def __init__(self, port: int, public: str = "") -> None:
        self._secure = public.startswith("https://")
        # So named, a browser takes it from this very host alone, and never from a page of a neighbouring name.
        self.session = "__Host-unwonted" if self._secure else f"unwonted_{port}"
        self.entering = f"{self.session}_entering"
        # Who comes back from a provider, or follows a link in a card, comes from elsewhere: without a strict cookie.
        self._same_site: Literal["Strict", "Lax"] = "Lax" if public else "Strict"

    def give(self, response: web.Response, name: str, secret: str, seconds: float | None = None) -> None:
        """Give a browser a cookie, until it is closed or for so long."""
        response.set_cookie(
            name,
            secret,
            httponly=True,
            samesite=self._same_site,
            path="/",
            secure=self._secure or None,
            max_age=None if seconds is None else round(seconds),
        )

    def take(self, response: web.Response, name: str) -> None:
        """Tell a browser to forget a cookie."""
        response.del_cookie(name, path="/", httponly=True, samesite=self._same_site, secure=self._secure or None)
