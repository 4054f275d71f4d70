"""Builds the console over the history that the settings name, and the desk at which it hands verdicts in."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib.metadata import version
from urllib.parse import urlsplit

from service.console import (
    CALLBACK,
    LOGIN,
    Console,
    HandedIn,
    Live,
    OpenIdSignIn,
    Role,
    RoleRule,
    Sessions,
    TokenSignIn,
    VerdictDesk,
)
from service.core.alerting import InForce
from service.core.engine import Engine
from service.core.ports import Clock, VerdictStore
from service.core.verdicts import MOST_VERDICTS, Verdict, line_of, name_of, takes_effect_from, verdict_on
from service.history import History
from service.openid import OpenIdClient, OpenIdOptions
from service.settings import Settings
from service.wiring.recording import history_path

_MOST_GIVEN = 1_000


class JournalDesk:
    """Writes verdicts into the journal, which the service hears of within seconds."""

    def __init__(self, store: VerdictStore, engine: Engine, clock: Clock) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._given: OrderedDict[str, Verdict] = OrderedDict()

    def of(self, alert: str) -> Verdict | None:
        """Return the verdict on an alert that counts; None if there is none."""
        known = self._engine.rulings.verdicts.of(alert, self._clock.now())
        given = self._given.get(alert)  # until the engine has heard of it
        return max((one for one in (known, given) if one is not None), key=lambda one: one.order, default=None)

    async def give(self, handed_in: HandedIn) -> Verdict:
        """Keep a verdict.

        Raises
        ------
        ValueError
            Something about it makes no sense, or no more verdicts are kept.
        OSError
            It cannot be kept.
        """
        engine, now = self._engine, self._clock.now()
        if len(engine.rulings.verdicts) >= MOST_VERDICTS:
            raise ValueError(f"the journal holds {MOST_VERDICTS:,} verdicts, as many as are read")
        options = engine.options
        verdict = verdict_on(
            handed_in.alert,
            handed_in.kind,
            by=handed_in.by,
            at=now,
            why=handed_in.why,
            takes_effect=takes_effect_from(now, options.lateness, options.bucket, engine.buckets.closed_until),
            for_kind=handed_in.for_kind,
        )
        await self._store.append(name_of(verdict), line_of(verdict))
        self._given[verdict.alert] = verdict
        while len(self._given) > _MOST_GIVEN:
            self._given.popitem(last=False)
        return verdict


def thresholds_configured(settings: Settings) -> InForce:
    """Return what is configured, for whoever has no service that could say what it has come to."""
    thresholds = {name: one.threshold for name, one in sorted(settings.detectors.items()) if one.enabled}
    return InForce(thresholds, settings.alerting.alerts_per_day)


def build_console(
    settings: Settings,
    clock: Clock,
    resources: AsyncExitStack,
    announce: Callable[[str], None],
    desk: VerdictDesk | None = None,
    live: Callable[[], Live] = Live,
) -> Console | None:
    """Build the console, whose history `resources` closes; None if nobody wants it.

    Parameters
    ----------
    announce
        Told the address that lets in once, which is a secret.
    desk
        Where verdicts are handed in.
    live
        Returns what the service says of itself.
    """
    path, options = history_path(settings), settings.console
    if not options.enabled or path is None:
        return None
    history = History(path)
    resources.callback(history.close)
    return Console(
        lambda: history,
        clock,
        build_sign_in(settings, clock),
        host=options.host,
        port=options.port,
        version=version("unwonted"),
        announce=announce,
        desk=desk,
        live=live,
    )


def build_sign_in(settings: Settings, clock: Clock) -> TokenSignIn | OpenIdSignIn:
    """Return the way into the console: by way of the provider that is configured, or with a token if there is none."""
    console, options, public = settings.console, settings.sign_in, settings.console.public_url or ""
    lasts, idle = console.session.total_seconds(), console.idle.total_seconds()
    if options.issuer is None:
        return TokenSignIn(clock, console.token_file, lasts, idle)
    client = OpenIdClient(
        OpenIdOptions(
            issuer=options.issuer,
            client_id=options.client_id or "",
            redirect=public + CALLBACK,
            left=public + LOGIN,
            secret=options.client_secret,
            secret_file=options.client_secret_file,
            assertion_file=options.client_assertion_file,
            tenants=options.tenants,
            ca_file=options.ca_file,
        ),
        clock,
    )
    rules = {
        Role.READER: RoleRule(frozenset(options.reader_roles), frozenset(options.reader_groups)),
        Role.ANALYST: RoleRule(frozenset(options.analyst_roles), frozenset(options.analyst_groups)),
    }
    provider = urlsplit(options.issuer).hostname or ""
    return OpenIdSignIn(client, clock, Sessions(clock, lasts, idle), rules, public=public, provider=provider)
