"""Who may enter: a token that works once, and the sessions of those who have entered.

The token lies in a file that only the service's user can read, and is another one as soon as it has been used. What a
request must prove besides is `guard`'s.
"""

import os
import secrets
from collections import deque
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from service.core.ports import Clock
from service.sinks import clean

MOST_SESSIONS = 64
TRIES_A_MINUTE = 10
_MINUTE = 60.0
_NAME = 64


class Role(StrEnum):
    """What somebody may do: read, or say besides what an alert was."""

    READER = "reader"
    ANALYST = "analyst"


class Person(NamedTuple):
    """Who is signed in, as audit lines call them, and in which roles."""

    name: str
    roles: frozenset[Role] = frozenset({Role.READER, Role.ANALYST})


class Session(NamedTuple):
    """One browser that has entered.

    Attributes
    ----------
    csrf
        What a form must carry to have been meant by whoever is signed in.
    until
        When it ends, on the stopwatch.
    """

    person: Person
    csrf: str
    until: float


class EntryRefused(Exception):  # noqa: N818 - it says what happened
    """Whoever asked may not enter; the text says why, in one line."""


class Door:
    """Lets in whoever has the token, and remembers them until their session ends.

    Parameters
    ----------
    clock
        Times sessions and attempts.
    token_file
        Where the token is kept, with permissions 0600.
    session_seconds
        How long somebody stays signed in.

    Attributes
    ----------
    token
        What lets in next; a secret.
    file
        Where it is kept.
    """

    def __init__(self, clock: Clock, token_file: Path, session_seconds: float) -> None:
        self.token = ""
        self._clock = clock
        self.file = token_file
        self._seconds = session_seconds
        self._sessions: dict[str, Session] = {}
        self._tries: deque[float] = deque(maxlen=TRIES_A_MINUTE)

    def renew(self) -> None:
        """Make another token, and put it into its file.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        token = secrets.token_urlsafe(32)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_name(f"{self.file.name}.new")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{token}\n")
        beside.replace(self.file)
        self.token = token

    def enter(self, token: str, name: str) -> str:
        """Begin a session, and return its secret, which a cookie carries.

        Raises
        ------
        EntryRefused
            The token is not the one, was used before, or too many have been tried.
        OSError
            The next token cannot be put into its file.
        """
        now = self._clock.elapsed()
        if len(self._tries) == TRIES_A_MINUTE and now - self._tries[0] < _MINUTE:
            raise EntryRefused("too many attempts: wait a minute")
        self._tries.append(now)
        if not self.token or not secrets.compare_digest(_digest(token.strip()), _digest(self.token)):
            if not self.token or not self.file.exists():  # it could not be written, or somebody has removed it
                self.renew()
            raise EntryRefused("this token is not valid: each works once, and the next one is in the file")
        self.token = ""  # whatever becomes of the file, it has been used
        self.renew()
        secret = secrets.token_urlsafe(32)
        for one in [one for one, session in self._sessions.items() if session.until <= now]:
            del self._sessions[one]
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        person = Person(clean(name, _NAME) or "console")
        self._sessions[_digest(secret)] = Session(person, secrets.token_urlsafe(32), now + self._seconds)
        return secret

    def session(self, secret: str) -> Session | None:
        """Return the session of a cookie; None if there is none, or none any more."""
        found = self._sessions.get(_digest(secret))
        return found if found is not None and found.until > self._clock.elapsed() else None

    def leave(self, secret: str) -> None:
        """End a session: its cookie is worth nothing from now on."""
        self._sessions.pop(_digest(secret), None)


def _digest(secret: str) -> str:
    # Looked up by what is made of it, so that how long a look takes tells nothing of it.
    return sha256(secret.encode(errors="replace")).hexdigest()
