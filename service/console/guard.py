"""What a request must prove before a page looks at it, and what a browser may do with the answer.

A page elsewhere can make a browser on this machine ask us things: that the request names us, comes from one of our own
pages and carries that session's word is what tells it from one that was meant. Who is signed in is `access`'s.
"""

import secrets
from collections import OrderedDict, deque
from collections.abc import Mapping
from urllib.parse import urlsplit

from service.console.access import Person, Session
from service.core.ports import Clock
from service.options import LOOPBACK

HEADERS: Mapping[str, str] = {
    # Nothing inline, nothing from elsewhere, nothing framed: a name that became markup could still do nothing.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": with it a browser does not say from which origin a form comes, and `check_meant` wants to know.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"
_OURSELVES = frozenset({"same-origin", "none"})


class RequestRefused(Exception):  # noqa: N818 - it says what happened
    """A request is not answered; the text says why, in one line.

    Attributes
    ----------
    status
        What it is answered with instead.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def check_host(headers: Mapping[str, str], own: str, public: str = "") -> None:
    """Refuse whoever calls us by a name that is not ours: a name elsewhere can be made to lead here.

    Parameters
    ----------
    headers
        The request's.
    own
        The host that the console is configured to listen on.
    public
        The address at which browsers reach it, if that is not this machine alone: then no other name counts.
    """
    host = _host_of(headers.get("Host", ""))
    if public:
        if host != urlsplit(public).hostname:
            raise RequestRefused(421, f"the console answers to {urlsplit(public).hostname} only")
    elif host not in LOOPBACK and host != own:
        raise RequestRefused(421, "the console answers to 127.0.0.1 and localhost only")


def check_meant(headers: Mapping[str, str], field: str, session: Session | None, public: str = "") -> None:
    """Refuse what changes something unless one of our own pages has asked for it, in the name of that session.

    Parameters
    ----------
    headers
        The request's.
    field
        What the form carries as its proof, if it is not in a header.
    session
        Whose request it is; None before anybody has entered, when only where it comes from counts.
    public
        The address at which browsers reach the console, if they have one: where our own pages come from.
    """
    origin = headers.get("Origin")
    if origin is not None and (origin != public if public else _authority(origin) != headers.get("Host")):
        raise RequestRefused(403, "this was sent by a page elsewhere")
    check_own(headers)
    if session is None or not session.csrf:  # no browser adds an access token by itself
        return
    proof = headers.get(CSRF_HEADER, "") or field
    if not secrets.compare_digest(proof.encode(errors="replace"), session.csrf.encode()):
        raise RequestRefused(403, "this form is not of your session: open the page again, and send it from there")


def check_own(headers: Mapping[str, str]) -> None:
    """Refuse what a browser says that a page elsewhere has made it ask."""
    if comes_from_elsewhere(headers):
        raise RequestRefused(403, "this was sent by a page elsewhere")


def comes_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a page elsewhere has led here: it then sends no cookie of ours."""
    return headers.get("Sec-Fetch-Site", "none") not in _OURSELVES


def own_page(headers: Mapping[str, str]) -> str:
    """Return the address, within the console, of the page that a form was sent from; the first page if nobody says.

    >>> own_page({"Host": "localhost:1", "Referer": "http://localhost:1/alerts/1?x=y"})
    '/alerts/1?x=y'
    >>> own_page({"Host": "localhost:1", "Referer": "http://evil.example/alerts/1"}), own_page({"Referer": "http://["})
    ('/', '/')
    """
    referer = headers.get("Referer", "")
    if not _authority(referer) or _authority(referer) != headers.get("Host"):
        return "/"
    return urlsplit(referer)._replace(scheme="", netloc="", fragment="").geturl() or "/"


class RequestPace:
    """How many requests are answered at once and over time: so many, and then a few every second."""

    def __init__(self, clock: Clock, *, at_once: int = 200, a_second: float = 20.0) -> None:
        self._clock = clock
        self._most = at_once
        self._seconds = at_once / a_second
        self._recent: deque[float] = deque(maxlen=at_once)

    def check(self) -> None:
        """Count a request.

        Raises
        ------
        RequestRefused
            There have been too many.
        """
        now = self._clock.elapsed()
        if len(self._recent) == self._most and now - self._recent[0] < self._seconds:
            raise RequestRefused(429, "too many requests: wait a moment")
        self._recent.append(now)


class PersonalPace:
    """How much each person may change over time, so that a session that was stolen cannot do just anything at once."""

    def __init__(self, clock: Clock, *, at_once: int = 60, a_second: float = 1.0, people: int = 1_000) -> None:
        self._clock = clock
        self._at_once, self._a_second, self._people = at_once, a_second, people
        self._paces: OrderedDict[str, RequestPace] = OrderedDict()

    def check(self, person: Person) -> None:
        """Count a request of somebody's.

        Raises
        ------
        RequestRefused
            There have been too many.
        """
        key = person.subject or person.name
        pace = self._paces.pop(key, None) or RequestPace(self._clock, at_once=self._at_once, a_second=self._a_second)
        self._paces[key] = pace
        while len(self._paces) > self._people:
            self._paces.popitem(last=False)
        pace.check()


def _authority(address: str) -> str:
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def _host_of(value: str) -> str:
    try:
        return urlsplit(f"//{value}").hostname or ""
    except ValueError:
        return ""
