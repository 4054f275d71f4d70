"""Who is in, in which browser, in which roles and until when: a bounded table in memory.

How somebody gets in is `token_sign_in`'s and `openid_sign_in`'s; what a request must prove besides, `guard`'s.
"""

import secrets
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from service.core.ports import Clock

MOST_SESSIONS = 1_000
MOST_OF_ONE = 16
"""Browsers in which one person may be signed in: with more, the one that was signed in first is signed out."""


class Role(StrEnum):
    """What somebody may do: read, or say besides what an alert was."""

    READER = "reader"
    ANALYST = "analyst"


class Person(NamedTuple):
    """Who is signed in, as audit lines call them, and in which roles.

    Attributes
    ----------
    subject
        Id that the provider knows them by; empty if nobody has checked who they are.
    hint
        What the provider wants to be told when they leave.
    """

    name: str
    roles: frozenset[Role] = frozenset({Role.READER, Role.ANALYST})
    subject: str = ""
    hint: str = ""


class Session(NamedTuple):
    """One browser that has entered.

    Attributes
    ----------
    csrf
        What a form must carry to have been meant by whoever is signed in; empty if no browser is at work.
    until, idle_until
        When it ends, and when it does unless it is used, on the stopwatch.
    """

    person: Person
    csrf: str
    until: float
    idle_until: float


class EntryRefused(Exception):  # noqa: N818 - it says what happened
    """Whoever asked may not enter; the text says why, in one line.

    Attributes
    ----------
    status
        What they are answered with.
    subject
        Who it was, if they have proven it.
    """

    def __init__(self, text: str, status: int = 403, subject: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.subject = subject


class Sessions:
    """The sessions there are.

    Parameters
    ----------
    clock
        Times them.
    seconds
        How long one lasts.
    idle_seconds
        How long one lasts that is not used.
    """

    def __init__(self, clock: Clock, seconds: float, idle_seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._idle = idle_seconds
        self._all: dict[str, Session] = {}

    def begin(self, person: Person) -> str:
        """Begin a session, and return its secret, which a cookie carries: another one each time."""
        now = self._clock.elapsed()
        for one in [one for one, session in self._all.items() if not _lasts(session, now)]:
            del self._all[one]
        if person.subject:
            own = [one for one, session in self._all.items() if session.person.subject == person.subject]
            for one in own[: max(0, len(own) - MOST_OF_ONE + 1)]:
                del self._all[one]
        while len(self._all) >= MOST_SESSIONS:
            del self._all[next(iter(self._all))]
        secret = secrets.token_urlsafe(32)
        self._all[secret_digest(secret)] = Session(
            person, secrets.token_urlsafe(32), now + self._seconds, now + min(self._idle, self._seconds)
        )
        return secret

    def of(self, secret: str) -> Session | None:
        """Return the session of a cookie; None if there is none, or none any more."""
        found = self._all.get(secret_digest(secret))
        return found if found is not None and _lasts(found, self._clock.elapsed()) else None

    def use(self, secret: str) -> None:
        """Note that somebody uses a session, unless it has ended."""
        if (session := self.of(secret)) is not None:
            self._all[secret_digest(secret)] = session._replace(idle_until=self._clock.elapsed() + self._idle)

    def end(self, secret: str) -> Session | None:
        """End a session, and return it: its cookie is worth nothing from now on."""
        return self._all.pop(secret_digest(secret), None)


def secret_digest(secret: str) -> str:
    """Return what a secret is looked up by, so that how long a look takes tells nothing of it."""
    return sha256(secret.encode(errors="replace")).hexdigest()


def _lasts(session: Session, now: float) -> bool:
    return now < min(session.until, session.idle_until)
