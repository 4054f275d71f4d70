"""The receiver itself: answers as Teams, Slack and a signed webhook answer, or as badly as it is told to.

What is acceptable is decided in `demo.receiver.checks`; showing what came is the work of `demo.receiver.page`.
"""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from aiohttp import web

from demo.receiver.checks import SIGNATURE_TOLERANCE, cloud_event_faults, signature_fault, slack_refusal, teams_faults
from demo.receiver.inbox import Inbox, Kind, Received
from demo.receiver.page import Page
from service.clock import SystemClock
from service.core.ports import Clock

RATES: dict[Kind, int] = {"teams": 4, "slack": 1}
"""Requests a second that the real ones take."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do instead of answering properly.

    Attributes
    ----------
    status
        The answer's status; 0 cuts the connection without an answer; None answers properly after the delay.
    body, headers
        The rest of the answer.
    delay
        Seconds before it.
    """

    status: int | None = 503
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


class Receiver:
    """A server on this machine that takes alerts as Teams, Slack and a generic webhook would.

    Parameters
    ----------
    port
        0 picks a free one.
    host
        Where to listen.
    public_page
        Whether ``/`` shows what came; without it only the three hooks are there.
    secret
        Signing secret (``whsec_…``) of the generic webhook; None takes unsigned requests.
    tolerance
        How far a signature's timestamp may be from `clock`.
    throttle
        Whether to answer 429 beyond the rates that the real ones take.
    clock
        Time of receipt, delays and rates.

    Examples
    --------
    ::

        async with Receiver() as receiver:
            receiver.fail("teams", Fault(429, headers={"Retry-After": "2"}), times=3)
            ...  # let the service post to receiver.teams_url
            await receiver.wait_for(4)
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        public_page: bool = True,
        secret: str | None = None,
        tolerance: timedelta = SIGNATURE_TOLERANCE,
        throttle: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._port = port
        self._host = host
        self._public_page = public_page
        self._secret = secret
        self._tolerance = tolerance
        self._throttle = throttle
        self._clock = clock or SystemClock()
        self._faults: dict[Kind, deque[Fault]] = {"teams": deque(), "slack": deque(), "webhook": deque()}
        self._recent: dict[Kind, deque[float]] = {"teams": deque(), "slack": deque(), "webhook": deque()}
        self._inbox = Inbox()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; returns when requests will be answered."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/teams", self._teams)
        app.router.add_post("/slack", self._slack)
        app.router.add_post("/webhook", self._webhook)
        if self._public_page:
            Page(self._inbox).add_to(app)
        await self._inbox.set_closed(False)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening; whatever came is still in `received`. A later `start` listens on the same port."""
        await self._inbox.set_closed(True)  # or the page's open streams would hold the server up
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def received(self) -> list[Received]:
        """What came, oldest first; the newest 10,000 are kept."""
        return self._inbox.entries

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        return self._port

    @property
    def page_url(self) -> str:
        """The page that shows what came."""
        return f"http://{self._host}:{self._port}/"

    @property
    def teams_url(self) -> str:
        """Where a Workflows webhook would be."""
        return f"{self.page_url}teams"

    @property
    def slack_url(self) -> str:
        """Where a Slack incoming webhook would be."""
        return f"{self.page_url}slack"

    @property
    def webhook_url(self) -> str:
        """Where CloudEvents with a Standard Webhooks signature are taken."""
        return f"{self.page_url}webhook"

    def fail(self, kind: Kind, fault: Fault, times: int = 1) -> None:
        """Meet the next `times` requests of a kind with a fault, after those already planned."""
        self._faults[kind].extend([fault] * times)

    def of(self, kind: Kind) -> list[Received]:
        """Give what a person would have seen of one kind, oldest first."""
        return [entry for entry in self.received if entry.kind == kind and entry.shown]

    async def wait_for(self, count: int, kind: Kind | None = None) -> None:
        """Return when `count` messages (of one kind, or of all) have come that a person would have seen."""
        await self._inbox.wait_for(
            lambda: sum(entry.shown for entry in self.received if kind in {None, entry.kind}) >= count
        )

    async def _teams(self, request: web.Request) -> web.StreamResponse:
        body, payload = await _read(request)
        if payload is None:
            return await self._answer(
                request, "teams", body, None, web.Response(status=400, text="InvalidRequestContent")
            )
        faults = teams_faults(payload, len(body))
        return await self._answer(request, "teams", body, payload, web.Response(status=202), faults)

    async def _slack(self, request: web.Request) -> web.StreamResponse:
        body, payload = await _read(request)
        refusal = slack_refusal(payload)
        response = web.Response(text="ok") if refusal is None else web.Response(status=400, text=refusal)
        return await self._answer(request, "slack", body, payload, response, [refusal] if refusal else [])

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        body, payload = await _read(request)
        if self._secret is not None:
            fault = signature_fault(_headers(request), body, self._secret, self._clock.now(), self._tolerance)
            if fault is not None:
                return await self._answer(
                    request, "webhook", body, payload, web.Response(status=401, text=fault), [fault]
                )
        faults = cloud_event_faults(payload, request.headers.get("content-type", ""))
        response = web.Response(status=400, text="; ".join(faults)) if faults else web.Response(status=200)
        return await self._answer(request, "webhook", body, payload, response, faults)

    async def _answer(
        self,
        request: web.Request,
        kind: Kind,
        body: bytes,
        payload: object,
        response: web.Response,
        problems: list[str] | None = None,
    ) -> web.StreamResponse:
        """Let a planned fault or the throttle have its say, note the request, and give the answer."""
        fault = self._faults[kind].popleft() if self._faults[kind] else None
        if fault is not None:
            await self._clock.sleep(fault.delay)
        if fault is not None and fault.status is not None:
            response = web.Response(status=fault.status or 500, text=fault.body, headers=fault.headers)
        elif self._is_too_fast(kind):
            response = web.Response(status=429, text="rate_limited", headers={"Retry-After": "1"})
        cut = fault is not None and fault.status == 0
        number, status = self._inbox.count + 1, 0 if cut else response.status
        now, said = self._clock.now(), tuple(problems or ())
        await self._inbox.add(Received(number, kind, payload, _headers(request), len(body), now, status, said))
        if cut and request.transport is not None:
            request.transport.abort()
        return response

    def _is_too_fast(self, kind: Kind) -> bool:
        if not self._throttle or kind not in RATES:
            return False
        now, recent = self._clock.elapsed(), self._recent[kind]
        while recent and recent[0] <= now - 1.0:
            recent.popleft()
        recent.append(now)
        return len(recent) > RATES[kind]


async def _read(request: web.Request) -> tuple[bytes, object]:
    body = await request.read()
    try:
        return body, json.loads(body)
    except ValueError:
        return body, None


def _headers(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}
