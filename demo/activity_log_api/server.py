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
from typing import Any

from aiohttp import web

from demo.activity_log_api.shapes import rest_record, subscription_of
from demo.activity_log_api.stand_in import StandIn, StaticCredential, error_answer
from service.core.ports import Clock

RETENTION = timedelta(days=90)
PAGE = 200
_FILTER = re.compile(r"eventTimestamp ge '([^']+)' and eventTimestamp le '([^']+)'")


class ActivityLogServer(StandIn):
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
        super().__init__(credential)
        self._clock = clock
        self._page = page
        self._groups = groups or {}
        self._logs: dict[str, tuple[list[datetime], list[bytes]]] = {}
        ordered: dict[str, list[tuple[datetime, bytes]]] = {}
        for record in records:
            time = datetime.fromisoformat(str(record["time"]))
            ordered.setdefault(subscription_of(record), []).append((time, json.dumps(rest_record(record)).encode()))
        for subscription, log in ordered.items():
            log.sort()
            self._logs[subscription] = [time for time, _ in log], [body for _, body in log]

    @property
    def subscriptions(self) -> list[str]:
        """Ids of the subscriptions that have a log."""
        return sorted(name for name in self._logs if name)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve subscriptions, management groups, and their events."""
        router.add_get("/subscriptions", self._list_subscriptions)
        router.add_get("/providers/Microsoft.Management/managementGroups/{group}/descendants", self._list_descendants)
        router.add_get(
            "/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values", self._list_events
        )

    async def _list_subscriptions(self, request: web.Request) -> web.Response:
        return self.refusal(request) or web.json_response(
            {"value": [{"subscriptionId": name, "state": "Enabled"} for name in self.subscriptions]}
        )

    async def _list_descendants(self, request: web.Request) -> web.Response:
        if (refusal := self.refusal(request)) is not None:
            return refusal
        members = self._groups.get(request.match_info["group"])
        if members is None:
            return error_answer(404, "NotFound")
        kind = "Microsoft.Management/managementGroups/subscriptions"
        return web.json_response({"value": [{"type": kind, "name": name} for name in members]})

    async def _list_events(self, request: web.Request) -> web.Response:
        if (refusal := self.refusal(request)) is not None:
            return refusal
        subscription = request.match_info["subscription"].lower()
        if subscription in self.forbidden:
            return error_answer(403, "AuthorizationFailed")
        span = _FILTER.fullmatch(request.query.get("$filter", ""))
        if span is None:
            return error_answer(400, "BadRequest")
        since, until = map(datetime.fromisoformat, span.groups())
        if since < self._clock.now() - RETENTION:
            return error_answer(400, "BadRequest")  # "The start time cannot be more than 90 days in the past."
        times, bodies = self._logs.get(subscription, ([], []))
        first, last = bisect_left(times, since), bisect_right(times, until)
        end = last - int(request.query.get("$skipToken", "0"))
        begin = max(first, end - self._page)
        page = b'{"value":[' + b",".join(reversed(bodies[begin:end])) + b"]"
        if begin > first:
            following = request.url.update_query({"$skipToken": str(last - begin)})
            page += b',"nextLink":' + json.dumps(str(following)).encode()
        return web.Response(body=page + b"}", content_type="application/json")
