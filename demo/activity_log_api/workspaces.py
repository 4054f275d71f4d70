"""Log Analytics' query API for some workspaces: answers the queries that Unwonted asks, within the service's limits.

The pipeline that is understood is a span of `TimeGenerated` of `AzureActivity`, and perhaps the first rows of it; any
other is refused as a query that means nothing. Sources: Microsoft Learn, *Log Analytics query API: response format,
errors, timeouts*, *Azure Monitor service limits* (500,000 rows and 64 MB an answer), *AzureActivity table*.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from aiohttp import web

from demo.activity_log_api.stand_in import StandIn, StaticCredential, error_answer

MOST_ROWS = 500_000
MOST_BYTES = 64_000_000
_QUERY = re.compile(
    r"AzureActivity"
    r"\s*\| where TimeGenerated >= datetime\((?P<since>[^)]+)\) and TimeGenerated < datetime\((?P<until>[^)]+)\)"
    r"\s*\| (?:top (?P<most>\d+) by|sort by) TimeGenerated asc"
)
_TYPES = {"TimeGenerated": "datetime", "Authorization_d": "dynamic", "Claims_d": "dynamic", "Properties_d": "dynamic"}


class Asked(NamedTuple):
    """What a query wants: rows of ``[since, until)``, at most so many of them."""

    workspace: str
    since: datetime
    until: datetime
    most: int | None


class LogAnalyticsServer(StandIn):
    """The query API.

    Parameters
    ----------
    rows
        Rows of the table `AzureActivity` of each workspace, in any order; all name the same columns.
    credential
        Whose tokens are accepted.
    most_rows, most_bytes
        What one answer may hold; it is cut off there, and says so.
    longest
        The longest span that is answered before the query times out.

    Attributes
    ----------
    asked
        Each query that was understood, in order.
    """

    def __init__(
        self,
        rows: Mapping[str, Iterable[Mapping[str, Any]]],
        credential: StaticCredential,
        *,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
        longest: timedelta = timedelta.max,
    ) -> None:
        super().__init__(credential)
        self.asked: list[Asked] = []
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._longest = longest
        self._tables: dict[str, tuple[list[datetime], list[bytes]]] = {}
        self._columns: dict[str, list[str]] = {}
        for workspace, of_one in rows.items():
            ordered = sorted(of_one, key=lambda row: datetime.fromisoformat(row["TimeGenerated"]))
            times = [datetime.fromisoformat(row["TimeGenerated"]) for row in ordered]
            self._tables[workspace] = times, [json.dumps(list(row.values())).encode() for row in ordered]
            self._columns[workspace] = list(ordered[0]) if ordered else ["TimeGenerated"]

    @property
    def workspaces(self) -> list[str]:
        """Ids of the workspaces."""
        return sorted(self._tables)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve queries."""
        router.add_post("/v1/workspaces/{workspace}/query", self._answer_query)

    async def _answer_query(self, request: web.Request) -> web.Response:
        if (refusal := self.refusal(request)) is not None:
            return refusal
        workspace = request.match_info["workspace"]
        if workspace in self.forbidden:
            return error_answer(403, "InsufficientAccessError")
        if workspace not in self._tables:
            return error_answer(404, "PathNotFoundError")
        query = _QUERY.fullmatch((await request.json())["query"].strip())
        if query is None:
            return error_answer(400, "BadArgumentError")
        asked = Asked(
            workspace,
            datetime.fromisoformat(query["since"]),
            datetime.fromisoformat(query["until"]),
            int(query["most"]) if query["most"] else None,
        )
        self.asked.append(asked)
        if asked.until - asked.since > self._longest:
            return error_answer(504, "GatewayTimeout")
        return web.Response(body=self._answer(asked), content_type="application/json")

    def _answer(self, asked: Asked) -> bytes:
        times, rows = self._tables[asked.workspace]
        wanted = rows[bisect_left(times, asked.since) : bisect_left(times, asked.until)][: asked.most]
        given, size = [], 0
        for row in wanted[: self._most_rows]:
            size += len(row)
            if size > self._most_bytes:
                break
            given.append(row)
        columns = [{"name": name, "type": _TYPES.get(name, "string")} for name in self._columns[asked.workspace]]
        table = b'{"name":"PrimaryResult","columns":' + json.dumps(columns).encode() + b',"rows":['
        cut = b',"error":' + _too_large(self._most_rows) if len(given) < len(wanted) else b""
        return b'{"tables":[' + table + b",".join(given) + b"]}]" + cut + b"}"


def _too_large(most: int) -> bytes:
    """Return the error that comes beside the rows of an answer that was cut off."""
    engine = {
        "code": "-2133196797",
        "message": f"The results of this query exceed the set limit of {most} records (E_QUERY_RESULT_SET_TOO_LARGE)",
        "severity": 2,
        "severityName": "Error",
    }
    message = "There were some errors when processing your query."
    details = [{"code": "EngineError", "message": "Something went wrong.", "innererror": engine}]
    return json.dumps({"code": "PartialError", "message": message, "details": details}).encode()
