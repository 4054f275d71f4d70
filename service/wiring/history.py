"""Builds what history is fetched with: the clients of Azure's APIs, an archive's, and what signs in to them.

A server on this machine (``http://127.0.0.1:…``) is given a word that opens nothing, never a token of Azure: whoever
listens on a port of this machine must not be able to ask us for one. So a stand-in for Azure needs no account, and no
option that would let it have the real token.
"""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential

from service.activity_log_api import EXTRA, ActivityLogApi, LogAnalyticsApi, can_query_workspaces, query_address
from service.core.ports import Clock
from service.learning import TenantHistory
from service.options import LOOPBACK
from service.settings import LearnSettings, SettingsError

LOOPBACK_TOKEN = "loopback"  # noqa: S105 - it is no secret, and opens nothing


class LoopbackCredential:
    """Says the same word to every server on this machine."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """Return the word, good for an hour."""
        return AccessToken(LOOPBACK_TOKEN, int(self._clock.now().timestamp()) + 3_600)

    async def close(self) -> None:
        """Close nothing."""

    async def __aenter__(self) -> "LoopbackCredential":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


def require_sources(options: LearnSettings) -> None:
    """Make sure that what history is to be learnt from can be asked.

    Raises
    ------
    SettingsError
        Workspaces are named, and the library that asks them is not installed.
    """
    if options.workspaces and not can_query_workspaces():
        raise SettingsError([f"learn.workspaces: {EXTRA}"])


@asynccontextmanager
async def open_history(
    options: LearnSettings,
    clock: Clock,
    on_wait: Callable[[float, str], None] = lambda seconds, why: None,
    credential: AsyncTokenCredential | None = None,
) -> AsyncIterator[TenantHistory]:
    """Open where history is fetched from, until the context is left.

    Parameters
    ----------
    options
        What to fetch from where.
    clock
        Paces repetitions, and says what today is.
    on_wait
        Told of each pause: its seconds, and why.
    credential
        Signs in instead of what the address asks for.

    Raises
    ------
    SettingsError
        As for `require_sources`.
    """
    require_sources(options)
    async with AsyncExitStack() as resources:
        api = logs = archive = None
        if options.api:
            signs_in = credential or _credential(options.endpoint, clock)
            await resources.enter_async_context(signs_in)
            api = await resources.enter_async_context(
                ActivityLogApi(
                    signs_in,
                    clock,
                    jitter=random.random,
                    endpoint=options.endpoint,
                    give_up_after=options.give_up_after,
                    on_wait=on_wait,
                )
            )
        if options.workspaces:
            address = query_address(options.endpoint)
            signs_in = credential or _credential(address, clock)
            await resources.enter_async_context(signs_in)
            logs = await resources.enter_async_context(
                LogAnalyticsApi(
                    signs_in,
                    clock,
                    jitter=random.random,
                    endpoint=address,
                    give_up_after=options.give_up_after,
                    on_wait=on_wait,
                )
            )
        if options.archive is not None:
            # Here, because it takes most of a second to import, and few have an archive.
            from azure.storage.blob.aio import ContainerClient  # noqa: PLC0415

            signs_in = credential or _credential(options.archive, clock)
            await resources.enter_async_context(signs_in)
            archive = await resources.enter_async_context(
                ContainerClient(options.archive, options.archive_container, credential=signs_in)
            )
        yield TenantHistory(
            api,
            logs,
            archive,
            subscriptions=options.subscriptions,
            management_group=options.management_group,
            workspaces=options.workspaces,
            days=options.days,
            now=clock.now,
        )


def _credential(address: str, clock: Clock) -> AsyncTokenCredential:
    if urlsplit(address).hostname in LOOPBACK:
        return LoopbackCredential(clock)
    # Here, because it takes a while, and few starts fetch anything.
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

    return DefaultAzureCredential()
