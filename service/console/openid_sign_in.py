"""Who may enter by OpenID Connect: who comes back from the provider, in the browser that was sent there, with a role.

How the provider is asked, and whether its tokens are good, is `service.openid`'s; cookies and pages are
`openid_routes`'s.
"""

import secrets
from typing import NamedTuple

from service.console.access import EntryRefused, Person, Role, Session, Sessions, secret_digest
from service.core.ports import Clock
from service.openid import BegunSignIn, OpenIdClient, ProviderFailed, SignedIn, TokenRefused, error_code
from service.sinks import clean

MOST_BEGUN = 1_000
BEGUN_SECONDS = 600.0
"""How long signing in may take, from leaving here until coming back."""
_NAME = 64


class RoleRule(NamedTuple):
    """By which app roles, or ids of groups, somebody has a role here."""

    roles: frozenset[str]
    groups: frozenset[str]


class Begun(NamedTuple):
    """Where a browser is sent, and what its cookie has to carry when it comes back."""

    address: str
    browser: str


class Entered(NamedTuple):
    """A session that has begun: its secret, and where its browser wanted to go."""

    secret: str
    onward: str


class _Pending(NamedTuple):
    begun: BegunSignIn
    browser: str
    onward: str
    until: float


class OpenIdSignIn:
    """Sends people to the provider, and lets in those who come back with a role.

    Parameters
    ----------
    client
        Speaks with the provider.
    clock
        Times what has begun.
    sessions
        Who is in.
    rules
        Who has which role.
    public
        Address at which browsers reach the console, without a path.
    provider
        The provider's host, as people are told it.
    """

    def __init__(
        self,
        client: OpenIdClient,
        clock: Clock,
        sessions: Sessions,
        rules: dict[Role, RoleRule],
        *,
        public: str,
        provider: str,
    ) -> None:
        self.client = client
        self.public = public
        self.provider = provider
        self._clock = clock
        self.sessions = sessions
        self._rules = rules
        self._pending: dict[str, _Pending] = {}

    async def begin(self, onward: str, browser: str, *, choose: bool = False) -> Begun:
        """Return where to send a browser.

        Parameters
        ----------
        onward
            Where it wants to go.
        browser
            What its cookie carries already; empty if it has none.
        choose
            Whether somebody wants to enter as somebody else.

        Raises
        ------
        EntryRefused
            The provider cannot be asked.
        """
        try:
            begun = await self.client.begin(choose=choose)
        except ProviderFailed as error:
            raise EntryRefused(str(error), 503) from None
        now = self._clock.elapsed()
        for state in [state for state, one in self._pending.items() if one.until <= now]:
            del self._pending[state]
        while len(self._pending) >= MOST_BEGUN:
            del self._pending[next(iter(self._pending))]
        # A cookie of ours serves for a second tab as well; any other is not known, and replaced.
        if secret_digest(browser) not in {one.browser for one in self._pending.values()}:
            browser = secrets.token_urlsafe(32)
        self._pending[secret_digest(begun.state)] = _Pending(begun, secret_digest(browser), onward, now + BEGUN_SECONDS)
        return Begun(begun.address, browser)

    async def finish(self, state: str, code: str, error: str, browser: str) -> tuple[Person, Entered]:
        """Begin the session of a browser that has come back.

        Raises
        ------
        EntryRefused
            It was never sent from here, or was before; the provider says no; or somebody has no role here.
        """
        pending = self._pending.pop(secret_digest(state), None)
        if pending is None or pending.until <= self._clock.elapsed() or pending.browser != secret_digest(browser):
            raise EntryRefused("this sign-in was not begun in this browser, or has expired: sign in again")
        if error or not code:
            raise EntryRefused(
                f"{self.provider} has refused the sign-in: {error_code(error) or 'no code was returned'}"
            )
        try:
            person = self.person(await self.client.finish(code, pending.begun))
        except ProviderFailed as failed:
            raise EntryRefused(str(failed), 503) from None
        except TokenRefused as refused:
            raise EntryRefused(str(refused)) from None
        return person, Entered(self.sessions.begin(person), pending.onward)

    async def bearer(self, token: str) -> Session:
        """Return a session for the one request that comes with an access token.

        Raises
        ------
        EntryRefused
            The token is not accepted, or whom it is about has no role here.
        """
        try:
            person = self.person(await self.client.accept(token))
        except ProviderFailed as failed:
            raise EntryRefused(str(failed), 503) from None
        except TokenRefused as refused:
            raise EntryRefused(str(refused), 401) from None
        return Session(person, "", 0.0, 0.0)

    def person(self, who: SignedIn) -> Person:
        """Return somebody in their roles here.

        Raises
        ------
        EntryRefused
            They have none.
        """
        roles = {role for role, rule in self._rules.items() if who.roles & rule.roles or who.groups & rule.groups}
        name = clean(who.name, _NAME) or f"application {clean(who.subject, _NAME)}"
        if not roles:
            raise EntryRefused(f"{name} has signed in, but has no role here: {self._missing(who)}", subject=who.subject)
        if Role.ANALYST in roles:
            roles.add(Role.READER)
        return Person(name, frozenset(roles), who.subject, who.hint)

    def _missing(self, who: SignedIn) -> str:
        if who.groups_left_out and any(rule.groups for rule in self._rules.values()):
            return (
                "they are in more groups than a token names (over 200), so that none counts: assign an app role, or "
                "let tokens name only the groups that are assigned to the application"
            )
        ways = [
            f"{role}: {' or '.join(said)}"
            for role, rule in self._rules.items()
            if (
                said := [f"the app role {name}" for name in sorted(rule.roles)]
                + [f"the group {name}" for name in sorted(rule.groups)]
            )
        ]
        return f"one of these is missing ({'; '.join(ways)})"
