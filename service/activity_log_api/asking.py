"""Asks Azure until it answers: waits where it throttles or is away, renews a token that it refuses, gives up in time.

What is asked, and what an answer means, is for the clients.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.rest import AsyncHttpResponse

from service.core.ports import Clock
from service.core.sign_in import SignInFailed, sign_in_problem
from service.options import LOOPBACK, format_duration

_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 300.0
_LONGEST_RETRY_AFTER: Final = 3_600.0
_ANSWER_SECONDS: Final = 300.0
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_GIVEN = frozenset({200})

_Client = TypeVar("_Client")
_Answer = TypeVar("_Answer")


class ApiRefused(Exception):  # noqa: N818 - it names the answer: a no that asking again does not change
    """The API will not answer this: no right to read, no such subscription, a request it does not understand."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}".strip())
        self.status = status
        self.code = code


class ApiUnavailable(OSError):  # noqa: N818 - it names what is the matter with the API
    """The API could not be reached, or throttled, for longer than we wait."""


class _Error(msgspec.Struct, frozen=True):
    code: str = ""


class _Refusal(msgspec.Struct):
    error: _Error = _Error()


_refusal = msgspec.json.Decoder(_Refusal)


class Asking(Generic[_Client]):
    """A client that is asked until it has an answer.

    Parameters
    ----------
    open_client
        Makes a client that knows no token yet; called again when a token is refused. None of them has to be closed.
    clock
        Paces repetitions.
    endpoint
        What to call whom is asked.
    jitter
        Returns a random number in [0, 1] for each pause.
    give_up_after
        How long one question may be throttled, or Azure be out of reach, before `ApiUnavailable`.
    on_wait
        Told of each pause: its seconds, and why.
    """

    def __init__(
        self,
        open_client: Callable[[], _Client],
        clock: Clock,
        endpoint: str,
        *,
        jitter: Callable[[], float],
        give_up_after: timedelta,
        on_wait: Callable[[float, str], None],
    ) -> None:
        self._open = open_client
        self._client = open_client()
        self._clock = clock
        self._jitter = jitter
        self._endpoint = endpoint
        self._give_up_after = give_up_after
        self._on_wait = on_wait

    async def ask(
        self, send: Callable[[_Client], Awaitable[AsyncHttpResponse]], given: Collection[int] = _GIVEN
    ) -> AsyncHttpResponse:
        """Return the first response to `send` whose status is one of `given`.

        Raises
        ------
        ApiRefused
            Azure says no, and would say so again.
        SignInFailed
            There is no token to ask with.
        ApiUnavailable
            No answer within the time that we wait.
        """
        began, attempt, renewed = self._clock.elapsed(), 0, False
        while True:
            attempt += 1
            wanted = 0.0
            try:
                client = self._client
                # Azure's library bounds each pause within an answer, and not the whole of it.
                async with asyncio.timeout(_ANSWER_SECONDS):
                    response = await send(client)
                if response.status_code in given:
                    return response
                if response.status_code == 401 and not renewed:
                    renewed = True  # a token that was good when it was sent: ask for a fresh one, once
                    if self._client is client:  # whoever asks at the same time may have done so already
                        self._client = self._open()
                    continue
                if response.status_code not in _AGAIN:
                    raise ApiRefused(response.status_code, _code(response.content))
                why, wanted = f"{response.status_code}", _retry_after(response)
            except ClientAuthenticationError as error:
                raise SignInFailed(f"cannot sign in to {self._endpoint}: {sign_in_problem(error)}") from error
            except (AzureError, TimeoutError) as error:
                why = type(error).__name__
            pause = wanted or self._jitter() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(attempt - 1, 30))
            if self._clock.elapsed() + pause - began > self._give_up_after.total_seconds():
                raise ApiUnavailable(
                    f"{self._endpoint}: no answer within {format_duration(self._give_up_after)}: {why}"
                )
            self._on_wait(pause, why)
            await self._clock.sleep(pause)


def decoded(response: AsyncHttpResponse, decoder: "msgspec.json.Decoder[_Answer]") -> _Answer:
    """Return what a response says.

    Raises
    ------
    ApiUnavailable
        It is none of Azure's: somebody between us has answered.
    """
    try:
        return decoder.decode(response.content)
    except msgspec.DecodeError as error:
        raise ApiUnavailable(f"no JSON of Azure's came back: {error}") from error


def way_of_sending(endpoint: str) -> dict[str, Any]:
    """Return what Azure's library has to be told: it sends a token over https alone, but for this very machine."""
    return {"enforce_https": False} if urlsplit(endpoint).hostname in LOOPBACK else {}


def _code(body: bytes) -> str:
    try:
        return _refusal.decode(body).error.code[:64]
    except msgspec.DecodeError:
        return ""


def _retry_after(response: AsyncHttpResponse) -> float:
    """Return the seconds that Retry-After asks for, at most an hour; 0 if it asks for nothing that can be read."""
    text = response.headers.get("Retry-After", "")
    try:
        return min(_LONGEST_RETRY_AFTER, max(0.0, float(text)))
    except ValueError:
        return 0.0
