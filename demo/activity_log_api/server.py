"""The server: answers as Azure Resource Manager does for the activity log of the last 90 days, or refuses as it does.

What is served is given; only what the API promises (order, pages, filter, tokens, throttling) is made here. Sources:
Microsoft Learn, *Activity Logs - List*, *Subscriptions - List*, *Management Groups - Descendants*, *Throttling Resource
Manager requests*.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Self

from aiohttp import web
from azure.core.credentials import AccessToken

from demo.activity_log_api.shapes import rest_record, subscription_of
from service.core.ports import Clock

RETENTION = timedelta(days=90)
PAGE = 200
_FILTER = re.compile(r"eventTimestamp ge '([^']+)' and eventTimestamp le '([^']+)'")


class StaticCredential:
    """A token credential for the server: each token is good for a while, by the server's own clock.

    Attributes
    ----------
    issued
        Tokens given out so far.
    """

    def __init__(self, clock: Clock, lifetime: timedelta = timedelta(hours=1)) -> None:
        self.issued = 0
        self._clock = clock
        self._lifetime = lifetime
        self._good_until: dict[str, datetime] = {}

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """Return a new token."""
        self.issued += 1
        token = f"token-{self.issued}"
        until = self._clock.now() + self._lifetime
        self._good_until[token] = until
        return AccessToken(token, int(until.timestamp()))

    async def close(self) -> None:
        """Close nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def accepts(self, token: str) -> bool:
        """Whether `token` is one of ours and still good."""
        until = self._good_until.get(token)
        return until is not None and self._clock.now() < until

    def revoke(self) -> None:
        """Let every token that was given out be refused from now on."""
        self._good_until.clear()


class ActivityLogServer:
    """The REST API for some subscriptions.

    Parameters
    ----------
    records
        Records as the hub carries them, in any order; each goes to its own subscription.
    clock
        Says what 90 days ago is, and whether a token is still good.
    credential
        Whose tokens are accepted.
    page
        Records a page.
    groups
        Subscriptions of each management group.

    Attributes
    ----------
    address
        Where it listens, once started.
    requests
        Path of each request that was let in, in order.
    forbidden
        Subscriptions that answer 403.
    """

    def __init__(
        self,
        records: Iterable[Mapping[str, Any]],
        clock: Clock,
        credential: StaticCredential,
        *,
        page: int = PAGE,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.address = ""
        self.requests: list[str] = []
        self.forbidden: set[str] = set()
        self._clock = clock
        self._credential = credential
        self._page = page
        self._groups = groups or {}
        self._refusals: list[tuple[int, Mapping[str, str]]] = []
        self._logs: dict[str, tuple[list[datetime], list[bytes]]] = {}
        ordered: dict[str, list[tuple[datetime, bytes]]] = {}
        for record in records:
            time = datetime.fromisoformat(str(record["time"]))
            ordered.setdefault(subscription_of(record), []).append((time, json.dumps(rest_record(record)).encode()))
        for subscription, log in ordered.items():
            log.sort()
            self._logs[subscription] = [time for time, _ in log], [body for _, body in log]
        self._runner: web.AppRunner | None = None

    @property
    def subscriptions(self) -> list[str]:
        """Ids of the subscriptions that have a log."""
        return sorted(name for name in self._logs if name)

    def refuse(self, status: int, times: int = 1, **headers: str) -> None:
        """Answer the next `times` requests with `status`; ``Retry_After="3"`` becomes a header."""
        self._refusals += [(status, {name.replace("_", "-"): text for name, text in headers.items()})] * times

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/subscriptions", self._list_subscriptions)
        application.router.add_get(
            "/providers/Microsoft.Management/managementGroups/{group}/descendants", self._list_descendants
        )
        application.router.add_get(
            "/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values", self._list_events
        )
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self._refusals:
            status, headers = self._refusals.pop(0)
            return _error(status, "TooManyRequests" if status == 429 else "ServerError", headers)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self._credential.accepts(token):
            return _error(401, "ExpiredAuthenticationToken", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        self.requests.append(request.path_qs)
        return None

    async def _list_subscriptions(self, request: web.Request) -> web.Response:
        return self._refusal(request) or web.json_response(
            {"value": [{"subscriptionId": name, "state": "Enabled"} for name in self.subscriptions]}
        )

    async def _list_descendants(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        members = self._groups.get(request.match_info["group"])
        if members is None:
            return _error(404, "NotFound", {})
        kind = "Microsoft.Management/managementGroups/subscriptions"
        return web.json_response({"value": [{"type": kind, "name": name} for name in members]})

    async def _list_events(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        subscription = request.match_info["subscription"].lower()
        if subscription in self.forbidden:
            return _error(403, "AuthorizationFailed", {})
        span = _FILTER.fullmatch(request.query.get("$filter", ""))
        if span is None:
            return _error(400, "BadRequest", {})
        since, until = map(datetime.fromisoformat, span.groups())
        if since < self._clock.now() - RETENTION:
            return _error(400, "BadRequest", {})  # "The start time cannot be more than 90 days in the past."
        times, bodies = self._logs.get(subscription, ([], []))
        first, last = bisect_left(times, since), bisect_right(times, until)
        end = last - int(request.query.get("$skipToken", "0"))
        begin = max(first, end - self._page)
        page = b'{"value":[' + b",".join(reversed(bodies[begin:end])) + b"]"
        if begin > first:
            following = request.url.update_query({"$skipToken": str(last - begin)})
            page += b',"nextLink":' + json.dumps(str(following)).encode()
        return web.Response(body=page + b"}", content_type="application/json")


def _error(status: int, code: str, headers: Mapping[str, str]) -> web.Response:
    return web.json_response({"error": {"code": code, "message": code}}, status=status, headers=headers)
