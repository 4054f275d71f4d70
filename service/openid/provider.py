"""What a provider says of itself: where its endpoints are, and which keys it signs with; asked seldom, and kept.

What a token signed with such a key says is `tokens`' to judge.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from service.core.ports import Clock
from service.openid.fetching import JsonFetcher
from service.openid.tokens import TENANT_PLACE, PublicKey, keys_of
from service.openid.values import ProviderFailed
from service.options import LOOPBACK
from service.waiting import within

FRESH_SECONDS = 3_600.0
USABLE_SECONDS = 86_400.0
"""How long what is known is used when the provider cannot be asked again."""
LOOK_AGAIN_SECONDS = 60.0
"""Least time between two looks for a key that is not known: whoever makes up keys must not make us ask."""
BOTH_WITHIN = 7.0
"""Seconds for configuration and keys together: less than who asks is waited for, so that a failure is remembered."""
_FAILED_SECONDS = 5.0
_WELL_KNOWN = "/.well-known/openid-configuration"


class ProviderFacts(NamedTuple):
    """What a provider has said of itself.

    Attributes
    ----------
    issuer
        Who its tokens say has issued them, maybe with a place for the tenant.
    authorization, token, end_session
        Its endpoints; the last one empty if it has none.
    posts_secret
        Whether a client's secret may be told in the form.
    keys
        What it signs with.
    """

    issuer: str
    authorization: str
    token: str
    end_session: str
    posts_secret: bool
    keys: Sequence[PublicKey]


class Provider:
    """A provider, asked for its configuration and keys.

    Parameters
    ----------
    issuer
        Its address, below which its configuration is.
    clock
        Tells how old is what is known.
    fetcher
        Asks.
    """

    def __init__(self, issuer: str, clock: Clock, fetcher: JsonFetcher) -> None:
        self._issuer = issuer
        self._clock = clock
        self._fetcher = fetcher
        self._known: ProviderFacts | None = None
        self._known_at = 0.0
        self._failed: ProviderFailed | None = None
        self._failed_at = 0.0
        self._asking = asyncio.Lock()

    async def known(self, key: str = "") -> ProviderFacts:
        """Return what is known; `key` is the id of one that should be among it, for which is looked again.

        Raises
        ------
        ProviderFailed
            Nothing usable is known, and the provider cannot be asked now.
        """
        async with self._asking:
            now = self._clock.elapsed()
            age = now - self._known_at
            missing = self._known is not None and bool(key) and all(one.id != key for one in self._known.keys)
            if self._known is not None and age < (LOOK_AGAIN_SECONDS if missing else FRESH_SECONDS):
                return self._known
            if self._failed is None or now - self._failed_at >= _FAILED_SECONDS:
                try:
                    self._known, self._failed = await within(None, BOTH_WITHIN, self._ask()), None
                    self._known_at = now
                except ProviderFailed as failed:
                    self._failed = failed
                except TimeoutError:
                    self._failed = ProviderFailed("the provider is too slow")
                if self._failed:
                    self._failed_at = self._clock.elapsed()  # when it was given up: whoever has queued is told so
            if self._known is None or (self._failed and age >= USABLE_SECONDS):
                raise self._failed or ProviderFailed("the provider has not been asked")
            return self._known

    async def _ask(self) -> ProviderFacts:
        said = await self._document(self._issuer.rstrip("/") + _WELL_KNOWN)
        issuer = said.get("issuer")
        # Entra has one document for many tenants, whose issuer has a place for the tenant: tokens are judged by that.
        if not isinstance(issuer, str) or (issuer != self._issuer and not self._is_for_tenants(issuer)):
            raise ProviderFailed("the provider's configuration names another issuer than sign_in.issuer")
        keys = keys_of(await self._document(self._endpoint(said, "jwks_uri")))
        if not keys:
            raise ProviderFailed("the provider has no key that signatures could be checked with")
        ways = said.get("token_endpoint_auth_methods_supported")
        return ProviderFacts(
            issuer,
            self._endpoint(said, "authorization_endpoint"),
            self._endpoint(said, "token_endpoint"),
            self._endpoint(said, "end_session_endpoint") if said.get("end_session_endpoint") else "",
            isinstance(ways, list) and "client_secret_post" in ways,
            keys,
        )

    def _is_for_tenants(self, issuer: str) -> bool:
        return TENANT_PLACE in issuer and urlsplit(issuer).netloc == urlsplit(self._issuer).netloc

    async def _document(self, address: str) -> Mapping[str, Any]:
        answer = await self._fetcher.ask(address)
        if answer.status != 200 or not answer.said:
            raise ProviderFailed(f"{address} answers no JSON object (status {answer.status})")
        return answer.said

    def _endpoint(self, said: Mapping[str, Any], name: str) -> str:
        address = said.get(name)
        if not isinstance(address, str) or not is_safe(address, local=is_local(self._issuer)):
            raise ProviderFailed(f"the provider's configuration has no https address as {name}")
        return address


def is_safe(address: str, *, local: bool) -> bool:
    """Whether what is sent to an address is read by nobody on the way; `local` if this machine will do as well.

    >>> is_safe("http://127.0.0.1:1/x", local=True), is_safe("http://127.0.0.1:1/x", local=False)
    (True, False)
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.fragment or parts.username is not None or not address.isprintable() or " " in address:
        return False
    return parts.scheme == "https" or (local and parts.scheme == "http" and host in LOOPBACK)


def is_local(address: str) -> bool:
    """Whether an address is one of this machine, over plain http: for tests and development."""
    return is_safe(address, local=True) and not is_safe(address, local=False)
