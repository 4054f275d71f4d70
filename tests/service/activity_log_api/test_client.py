from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from demo.activity_log_api import ActivityLogServer, StaticCredential
from service.activity_log_api import ActivityLogApi, ApiRefused, ApiUnavailable
from service.clock import SystemClock

NOW = SystemClock().now()
SINCE, UNTIL = NOW - timedelta(days=2), NOW


class HastyClock(SystemClock):
    """The machine's clock, on which pauses only add up."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def elapsed(self) -> float:
        return sum(self.slept)


def record(subscription: str, minute: int) -> dict[str, Any]:
    return {
        "time": (NOW - timedelta(minutes=minute)).isoformat(),
        "resourceId": f"/SUBSCRIPTIONS/{subscription.upper()}/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.WEB/SITES/S",
        "operationName": "MICROSOFT.WEB/SITES/WRITE",
        "resultType": "Success",
        "correlationId": f"c{minute}",
        "identity": {"claims": {"appid": "a"}},
    }


RECORDS = [record("sub-a", minute) for minute in range(1, 26)] + [record("sub-b", 5)]


@asynccontextmanager
async def opened(
    records: Sequence[dict[str, Any]] = RECORDS, **options: Any
) -> AsyncIterator[tuple[ActivityLogServer, ActivityLogApi, HastyClock, StaticCredential]]:
    clock = HastyClock()
    credential = StaticCredential(clock)
    async with (
        ActivityLogServer(records, clock, credential, page=10, groups={"prod": ["SUB-B"]}) as server,
        ActivityLogApi(credential, clock, jitter=lambda: 0.5, endpoint=server.address, **options) as api,
    ):
        yield server, api, clock, credential


async def read(api: ActivityLogApi, subscription: str, since: datetime = SINCE) -> list[str]:
    pages = [page async for page in api.records(subscription, since, UNTIL)]
    return [msgspec.json.decode(one)["correlationId"] for page in pages for one in page]


async def test_every_record_of_a_span_comes_once_the_newest_first() -> None:
    async with opened() as (server, api, _, _):
        assert await read(api, "sub-a") == [f"c{minute}" for minute in range(1, 26)]
        assert len(server.requests) == 3


async def test_subscriptions_are_those_that_the_credential_sees_or_those_of_a_management_group() -> None:
    async with opened() as (_, api, _, _):
        assert await api.subscriptions() == ["sub-a", "sub-b"]
        assert await api.subscriptions("prod") == ["sub-b"]
        with pytest.raises(ApiRefused, match="404 NotFound"):
            await api.subscriptions("nowhere")


async def test_throttling_is_waited_for_as_long_as_the_api_asks() -> None:
    async with opened() as (server, api, clock, _):
        server.refuse(429, times=3, Retry_After="17")
        assert len(await read(api, "sub-a")) == 25
        assert clock.slept == [17.0, 17.0, 17.0]


async def test_an_hour_of_throttling_is_waited_for_and_more_than_we_wait_is_said() -> None:
    async with opened(give_up_after=timedelta(minutes=90)) as (server, api, clock, _):
        server.refuse(429, times=60, Retry_After="60")
        assert len(await read(api, "sub-a")) == 25
        assert sum(clock.slept) == 3_600.0

        server.refuse(429, times=1_000, Retry_After="60")
        with pytest.raises(ApiUnavailable, match=r"^http://127\.0\.0\.1:\d+: no answer within 1h30m: 429"):
            await read(api, "sub-a")


async def test_a_server_in_trouble_is_asked_again_ever_more_seldom() -> None:
    async with opened() as (server, api, clock, _):
        server.refuse(503, times=4)
        await read(api, "sub-b")
        assert clock.slept == [1.0, 2.0, 4.0, 8.0]


async def test_a_token_that_is_refused_between_two_pages_is_renewed_once() -> None:
    async with opened() as (_, api, clock, credential):
        pages = api.records("sub-a", SINCE, UNTIL)
        first = await anext(pages)
        credential.revoke()
        rest = [one async for page in pages for one in page]
        assert len(first) + len(rest) == 25
        assert (credential.issued, clock.slept) == (2, [])


async def test_a_subscription_that_may_not_be_read_is_refused_at_once() -> None:
    async with opened() as (server, api, clock, _):
        server.forbidden.add("sub-a")
        with pytest.raises(ApiRefused) as refused:
            await read(api, "sub-a")
        assert (refused.value.status, refused.value.code, clock.slept) == (403, "AuthorizationFailed", [])


async def test_more_than_ninety_days_are_refused() -> None:
    async with opened() as (_, api, _, _):
        with pytest.raises(ApiRefused, match="400"):
            await read(api, "sub-a", NOW - timedelta(days=91))


async def test_a_server_that_is_away_is_waited_for_no_longer_than_we_wait() -> None:
    clock = HastyClock()
    async with ActivityLogApi(
        StaticCredential(clock),
        clock,
        jitter=lambda: 1.0,
        endpoint="http://127.0.0.1:9",
        give_up_after=timedelta(seconds=20),
    ) as api:
        with pytest.raises(ApiUnavailable, match=r"^http://127\.0\.0\.1:9: no answer within 20s: ServiceRequestError$"):
            await api.subscriptions()
        assert clock.slept == [2.0, 4.0, 8.0]


async def test_what_somebody_between_us_answers_is_trouble_and_no_page() -> None:
    async with opened() as (server, api, clock, _):
        server.interpose(502)
        assert len(await read(api, "sub-b")) == 1
        assert clock.slept == [1.0]
        server.interpose(200)
        with pytest.raises(ApiUnavailable, match="no JSON of Azure's"):
            await read(api, "sub-b")


async def test_a_next_link_to_another_host_is_not_followed_with_our_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as (_, api, _, _):
        body = b'{"value":[],"nextLink":"https://elsewhere.example/steal"}'

        async def answered(address: str) -> SimpleNamespace:
            return SimpleNamespace(content=body)

        monkeypatch.setattr(api, "_get", answered)
        with pytest.raises(ApiRefused, match="NextLinkToAnotherHost"):
            await read(api, "sub-a")
