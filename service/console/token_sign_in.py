"""Who may enter a console that is for this machine alone: whoever has a token that works once.

The token lies in a file that only the service's user can read, and is another one as soon as it has been used. What a
request must prove besides is `guard`'s; who is in already, `access`'.
"""

import os
import secrets
from collections import deque
from pathlib import Path

from service.console.access import EntryRefused, Person, Sessions, secret_digest
from service.core.ports import Clock
from service.sinks import clean

TRIES_A_MINUTE = 10
_MINUTE = 60.0
_NAME = 64


class TokenSignIn:
    """Lets in whoever has the token, and remembers them until their session ends.

    Parameters
    ----------
    clock
        Times sessions and attempts.
    token_file
        Where the token is kept, with permissions 0600.
    session_seconds, idle_seconds
        How long somebody stays signed in, and how long who does nothing.

    Attributes
    ----------
    token
        What lets in next; a secret.
    file
        Where it is kept.
    sessions
        Who is in.
    """

    def __init__(
        self, clock: Clock, token_file: Path, session_seconds: float, idle_seconds: float | None = None
    ) -> None:
        self.token = ""
        self._clock = clock
        self.file = token_file
        self.sessions = Sessions(clock, session_seconds, session_seconds if idle_seconds is None else idle_seconds)
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
        if not self.token or not secrets.compare_digest(secret_digest(token.strip()), secret_digest(self.token)):
            if not self.token or not self.file.exists():  # it could not be written, or somebody has removed it
                self.renew()
            raise EntryRefused("this token is not valid: each works once, and the next one is in the file")
        self.token = ""  # whatever becomes of the file, it has been used
        self.renew()
        return self.sessions.begin(Person(clean(name, _NAME) or "console"))
