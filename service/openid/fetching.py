"""Asks a provider for JSON: within a deadline and a size, verified, and without following it anywhere.

What it answers is judged by whoever asks.
"""

import asyncio
import json
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp

from service.openid.values import ProviderFailed
from service.options import LOOPBACK
from service.waiting import OneAside, within

ONE_ANSWER_WITHIN = 5.0
LARGEST_ANSWER = 262_144
_READ_WITHIN = 5.0


class JsonAnswer(NamedTuple):
    """What a provider has answered: an object, empty if it was none."""

    status: int
    said: Mapping[str, Any]


class JsonFetcher:
    """Asks for JSON over HTTP.

    Parameters
    ----------
    ca_file
        A certificate authority besides the public ones.
    seconds
        How long an answer may take, to its end.
    """

    def __init__(self, ca_file: Path | None = None, seconds: float = ONE_ANSWER_WITHIN) -> None:
        self._ca_file = ca_file
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    async def ask(self, address: str, form: Mapping[str, str] | None = None, authorization: str = "") -> JsonAnswer:
        """Return the answer; a form is posted, with what proves in the head who posts it.

        Raises
        ------
        ProviderFailed
            There is none in time, it is too large, or leads elsewhere.
        """
        host = urlsplit(address).hostname or "?"
        try:
            status, body = await within(None, self._seconds, self._answer(address, form, authorization))
        except TimeoutError:
            raise ProviderFailed(f"{host} does not answer within {self._seconds:g} s") from None
        except ProviderFailed:
            raise
        except aiohttp.ClientSSLError:
            raise ProviderFailed(f"{host} is not trusted: no known authority has signed its certificate") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Its text may hold a proxy's password, or what was sent.
            raise ProviderFailed(f"{host} cannot be reached: {_why(error)}") from None
        if 300 <= status < 400:
            raise ProviderFailed(f"{host} redirects (status {status}), which is not followed")
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = {}
        return JsonAnswer(status, said if isinstance(said, dict) else {})

    async def close(self) -> None:
        """Release connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _answer(self, address: str, form: Mapping[str, str] | None, authorization: str) -> tuple[int, bytes]:
        session = await self._opened()
        asked = session.request(
            "GET" if form is None else "POST",
            address,
            data=form,
            allow_redirects=False,
            proxy=_proxy(address),
            headers={"accept": "application/json"} | ({"authorization": authorization} if authorization else {}),
        )
        async with asked as answer:
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise ProviderFailed(f"{urlsplit(address).hostname} answers more than {LARGEST_ANSWER:,} bytes")
            return answer.status, bytes(body)

    async def _opened(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._session is None:
                try:
                    trusted = await OneAside(_READ_WITHIN).run(_trusted, self._ca_file)
                except OSError as error:  # what is no certificate is one, too
                    reason = getattr(error, "reason", None) or error.strerror or error
                    raise ProviderFailed(f"sign_in.ca_file cannot be used: {reason}") from None
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=trusted, limit=8, force_close=True),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    # What is packed could be far larger than it looks.
                    headers={"user-agent": "unwonted", "accept-encoding": "identity"},
                    auto_decompress=False,
                    trust_env=False,
                )
        return self._session


def _why(error: Exception) -> str:
    cause = getattr(error, "os_error", error)
    number = getattr(cause, "errno", None)
    known = os.strerror(number) if isinstance(number, int) and number > 0 else getattr(cause, "strerror", None)
    return known or "it gives no answer"


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def _proxy(address: str) -> str | None:
    parts = urlsplit(address)
    if (parts.hostname or "") in LOOPBACK or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies_environment()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return found if not found or "://" in found else f"http://{found}"
