"""Azure's Logs Ingestion API on loopback: takes rows as a data collection rule does, or says why not."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

RULE = "dcr-0123456789abcdef0123456789abcdef"
STREAM = "Custom-UnwontedAlerts_CL"
LARGEST = 1024 * 1024
"""Bytes of a request, unpacked: https://learn.microsoft.com/azure/azure-monitor/fundamentals/service-limits"""


class Ingestion:
    """One data collection rule.

    Attributes
    ----------
    token
        The one that it takes.
    is_allowed
        Whether whoever has the token may send by this rule.
    throttled
        How many requests are told to come later.
    away
        Whether it fails at everything.
    """

    def __init__(self) -> None:
        self.token = "token"
        self.is_allowed = True
        self.throttled = 0
        self.away = False
        self.url = ""
        self.rows: list[dict[str, Any]] = []
        self.packed: list[int] = []
        self.encodings: list[str] = []

    async def _take(self, request: web.Request) -> web.Response:
        match = request.match_info
        refusals = (
            (self.away, 503, "ServiceUnavailable"),
            (request.headers.get("authorization") != f"Bearer {self.token}", 401, "InvalidAuthenticationToken"),
            (not self.is_allowed, 403, "OperationFailed"),
            (self.throttled > 0, 429, "TooManyRequests"),
            (match["rule"] != RULE or request.query.get("api-version") != "2023-01-01", 404, "NotFound"),
            (match["stream"] != STREAM, 400, "InvalidStream"),
        )
        for applies, status, code in refusals:
            if applies:
                self.throttled -= status == 429
                return _error(status, code)
        body = await request.read()  # unpacked already; too large is 413
        rows = json.loads(body)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return _error(400, "InvalidPayload")
        self.rows += rows
        self.packed.append(int(request.headers["content-length"]))
        self.encodings.append(f"{request.headers['content-type']}, {request.headers.get('content-encoding')}")
        return web.Response(status=204)


def _error(status: int, code: str) -> web.Response:
    headers = {"Retry-After": "7"} if status == 429 else None
    return web.json_response({"error": {"code": code, "message": "…"}}, status=status, headers=headers)


@asynccontextmanager
async def ingesting() -> AsyncIterator[Ingestion]:
    """Let it listen."""
    ingestion = Ingestion()
    app = web.Application(client_max_size=LARGEST)
    app.router.add_post("/dataCollectionRules/{rule}/streams/{stream}", ingestion._take)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.01, access_log=None)
    try:
        ingestion.url = f"http://127.0.0.1:{server.port}"
        yield ingestion
    finally:
        await server.close()
