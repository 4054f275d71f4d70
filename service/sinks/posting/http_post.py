"""Posts bytes to one secret address, once, and says what the answer means for a retry.

The environment's HTTPS_PROXY, ALL_PROXY and NO_PROXY are obeyed, except for this very machine. A proxy's own address is
the operator's business; where a request leads is checked all the same, as far as the name resolves here.

Knows HTTP and nothing of alerts. The address never leaves this module: not in an error, a log, a repr or a receipt.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
from aiohttp.abc import AbstractResolver
from pydantic import SecretStr
from yarl import URL

from service.core.ports import Clock, Receipt
from service.sinks.posting.guard import AddressRefusedError, Guard
from service.sinks.posting.receiver import READ_WITHIN, matches, reveal, tls_context
from service.waiting import OneAside

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 20.0
_BODY_BYTES = 16_384
_RETRY = frozenset({408, 425, 429})
_BROKEN = frozenset({401, 403, 404, 410})
_REASONS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError), "proxy"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "tls"),
    ((aiohttp.ClientConnectorDNSError,), "dns"),
)


class Answer(NamedTuple):
    """An HTTP answer: status, the beginning of its body, and Retry-After in seconds if given and sensible."""

    status: int
    text: str
    retry_after: float | None


OpenSession = Callable[[Guard], Awaitable[aiohttp.ClientSession]]


async def open_session(
    guard: Guard,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    total_seconds: float = TOTAL_SECONDS,
    resolver: AbstractResolver | None = None,
    ca_file: Path | None = None,
    aside: OneAside | None = None,
) -> aiohttp.ClientSession:
    """Return a session that verifies TLS, obeys `guard`, keeps no cookies and uses no proxy unless told to.

    `aside` reads `ca_file`, so that a disk that hangs holds up nobody else.

    Raises
    ------
    OSError
        If `ca_file` cannot be read, or holds no certificate.
    """
    tls = True if ca_file is None else await (aside or OneAside(READ_WITHIN)).run(tls_context, ca_file)

    def open_socket(info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        family, kind, protocol, _, address = info
        if not guard.permits(str(address[0])):
            raise AddressRefusedError("address refused")
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=resolver,
            use_dns_cache=False,
            socket_factory=open_socket,
            limit_per_host=2,
            force_close=True,
            ssl=tls,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=total_seconds, connect=connect_seconds),
        headers={"user-agent": "unwonted"},
        trust_env=False,
    )


def proxy_of(url: URL) -> URL | None:
    """Return the proxy that the environment names for `url`; None for none.

    Raises
    ------
    ValueError
        If it is no address.
    """
    proxies = getproxies_environment()
    host = url.host or ""
    if _is_loopback(host) or proxy_bypass(f"{host}:{url.port}"):
        return None
    found = proxies.get(url.scheme) or proxies.get("all")
    if not found:
        return None
    return URL(found if "://" in found else f"http://{found}")


class HttpPost:
    """One secret address to post to.

    Parameters
    ----------
    url
        The address, or a file that holds it and is read again for each post, so that rotating it needs no restart.
    clock
        Tells how far away a Retry-After date is.
    allow_hosts
        Hosts that may be posted to, ``*.`` standing for any subdomain; None for any.
    allow_loopback
        Whether this machine may be posted to whatever `allow_hosts` says, over plain http if need be.
    allow_private
        Whether addresses that are not globally routable may be connected to.
    session
        Makes the HTTP session, once, at the first post.
    """

    def __init__(
        self,
        url: SecretStr | Path,
        *,
        clock: Clock,
        allow_hosts: Sequence[str] | None = None,
        allow_loopback: bool = False,
        allow_private: bool = True,
        session: OpenSession = open_session,
    ) -> None:
        self._url = url
        self._clock = clock
        self._allow_hosts = allow_hosts
        self._allow_loopback = allow_loopback
        self._guard = Guard(allow_private=allow_private, allow_loopback=allow_loopback)
        self._open = session
        self._aside = OneAside(READ_WITHIN)
        self._sessions: dict[Guard, aiohttp.ClientSession] = {}

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answer | Receipt:
        """Post once; return the answer, or the receipt if there was none."""
        url = await self._address()
        if isinstance(url, Receipt):
            return url
        try:
            proxy = proxy_of(url)
            if proxy is not None:
                await self._check_target(url.host or "")
            session = await self._session(self._guard if proxy is None else Guard())
            async with session.post(url, data=body, headers=headers, allow_redirects=False, proxy=proxy) as response:
                head = await _head(response)
                after = retry_after(response.headers.get("retry-after"), self._clock.now())
                return Answer(response.status, head.decode("utf-8", "replace"), after)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _failure(error)

    async def close(self) -> None:
        """Release connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _session(self, guard: Guard) -> aiohttp.ClientSession:
        if guard not in self._sessions:
            self._sessions[guard] = await self._open(guard)
        return self._sessions[guard]

    async def _check_target(self, host: str) -> None:
        """Raise for a target that a direct connection would be refused to; a name that only the proxy knows passes."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError:
            return
        if not all(self._guard.permits(str(address[0])) for *_, address in found):
            raise AddressRefusedError("address refused")

    async def _address(self) -> URL | Receipt:
        try:
            url = URL(await reveal_aside(self._aside, self._url))
            host = (url.host or "").lower()
        except OSError:
            return Receipt("retry", "url_unreadable")
        except ValueError:
            return Receipt("broken", "url_invalid")
        loopback = _is_loopback(host)
        if not host or url.scheme not in {"http", "https"}:
            return Receipt("broken", "url_invalid")
        if url.scheme == "http" and not (loopback and self._allow_loopback):
            return Receipt("broken", "url_not_https")
        excused = loopback and self._allow_loopback
        if self._allow_hosts is not None and not excused and not matches(host, self._allow_hosts):
            return Receipt("broken", "host_not_allowed")
        return url


async def reveal_aside(aside: OneAside, secret: SecretStr | Path) -> str:
    """Do what `reveal` does, a file in a thread: one on a disk that hangs must hold up nobody."""
    return reveal(secret) if isinstance(secret, SecretStr) else await aside.run(reveal, secret)


def by_status(answer: Answer) -> Receipt:
    """Say what a status means, as RFC 9110 would have it, for somebody who may try again.

    ``sent`` for 2xx; ``retry`` for 408, 425, 429 and 5xx; ``broken`` for 3xx (a webhook that moved must be configured
    again, a redirect could lead anywhere) and for 401, 403, 404, 410; ``refused`` for the rest.
    """
    status, reason = answer.status, f"http_{answer.status}"
    if 200 <= status < 300:
        return Receipt("sent", reason)
    if status in _RETRY or status >= 500:
        return Receipt("retry", reason, answer.retry_after)
    if status in _BROKEN or 300 <= status < 400:
        return Receipt("broken", reason)
    return Receipt("refused", reason)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return a Retry-After header (RFC 9110, section 10.2.3) in seconds from `now`; None if absent or nonsense.

    >>> retry_after("120", datetime(2026, 11, 2, tzinfo=UTC))
    120.0
    >>> retry_after("Mon, 02 Nov 2026 00:01:00 GMT", datetime(2026, 11, 2, tzinfo=UTC))
    60.0
    """
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds())


async def _head(response: aiohttp.ClientResponse) -> bytes:
    head = bytearray()
    async for chunk in response.content.iter_any():
        head += chunk
        if len(head) >= _BODY_BYTES:
            break
    return bytes(head[:_BODY_BYTES])


def _failure(error: Exception) -> Receipt:
    cause = getattr(error, "os_error", error)
    if isinstance(cause, AddressRefusedError):
        return Receipt("broken", "address_refused")
    if isinstance(error, aiohttp.InvalidURL):
        return Receipt("broken", "url_invalid")
    return Receipt("retry", next((reason for kinds, reason in _REASONS if isinstance(error, kinds)), "connection"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
