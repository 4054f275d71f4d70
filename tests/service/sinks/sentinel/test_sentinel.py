"""The sink against a Logs Ingestion API on this machine."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from aiohttp.test_utils import unused_port
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from pydantic import ValidationError

from service.core.notices import GapKind
from service.core.ports import Receipt, Rendered
from service.sinks.content.alert_content import Links
from service.sinks.sentinel.columns import COLUMNS
from service.sinks.sentinel.rendering import LARGEST_VALUE, compact_rows, render, render_notice
from service.sinks.sentinel.settings import SentinelSettings
from service.sinks.sentinel.sink import SentinelSink
from tests.fakes.alerts import HOSTILE_NAMES, alert, campaign, hostile, outage, rollout
from tests.fakes.ingestion import RULE, Ingestion, ingesting
from tests.fakes.notices import notice, verdict_notice
from tests.fakes.receiver import posts_to

GIVEN: dict[str, Any] = {"endpoint": "https://unwonted-abcd.westeurope-1.ingest.monitor.azure.com", "rule_id": RULE}
AUDIENCE = "https://monitor.azure.com/.default"
CONSOLE = "https://unwonted.example"
[MESSAGE] = render([alert()])


class Credential:
    def __init__(self, token: str = "", error: Exception | None = None) -> None:
        self.token = token
        self.error = error
        self.asked: list[str] = []
        self.closed = False

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.asked += scopes
        if self.error is not None:
            raise self.error
        return AccessToken(self.token or "token", 0)

    async def close(self) -> None:
        self.closed = True

    async def __aenter__(self) -> "Credential":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@asynccontextmanager
async def uploading(
    ingestion: Ingestion, credential: Credential | None = None, **changes: Any
) -> AsyncIterator[SentinelSink]:
    address = SentinelSettings.model_validate({**GIVEN, **changes}).address.replace(GIVEN["endpoint"], ingestion.url)
    sink = SentinelSink("soc", posts_to(address), credential=credential or Credential(), audience=AUDIENCE)
    try:
        yield sink
    finally:
        await sink.close()


async def receipt(ingestion: Ingestion, message: Rendered = MESSAGE, **changes: Any) -> Receipt:
    async with uploading(ingestion, **changes) as sink:
        return await sink.send(message)


async def test_alerts_and_notices_become_rows_of_the_table() -> None:
    credential = Credential()
    async with ingesting() as ingestion, uploading(ingestion, credential) as sink:
        told = [*sink.render([alert(), alert(2, revision=3)]), sink.render_notice(notice())]
        for message in told:
            assert await sink.send(message) == Receipt("sent", "http_204")
    assert credential.closed
    assert set(credential.asked) == {AUDIENCE}
    assert [json.dumps([row]) for row in ingestion.rows] == [json.dumps(json.loads(one.body)) for one in told]
    first, second, third = ingestion.rows
    assert (first["AlertId"], first["Revision"], first["Kind"]) == (alert().id, 1, "alert")
    assert (second["AlertId"], second["Revision"], second["Stage"]) == (alert(2).id, 3, "updated")
    assert (third["AlertId"], third["Kind"], third["Stage"]) == (notice().id, "notice", "opened")
    assert first["ActorName"] == "alice@contoso.com"
    assert first["Severity"] == "high"
    assert first["Operations"] == ["Microsoft.Authorization/roleAssignments/write"]
    assert first["Tactics"] == ["TA0003", "TA0004"]
    assert first["Techniques"] == ["T1098", "T1078.004"]
    assert set(ingestion.encodings) == {"application/json, gzip"}
    assert sum(ingestion.packed) < sum(len(message.body) for message in told)


def test_a_verdict_is_a_row_of_its_alert_and_of_the_time_that_it_is_about() -> None:
    [row] = json.loads(render_notice(verdict_notice()).body)
    assert (row["AlertId"], row["Kind"], row["Stage"], row["Severity"]) == (alert().id, "verdict", "closed", "high")
    assert (row["WindowStart"], row["WindowEnd"]) == ("2026-11-02T09:00:00Z", "2026-11-02T11:00:00Z")


OF_TYPE: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "real": (float,),
    "dynamic": (list, dict),
    "datetime": (str,),
}


@pytest.mark.parametrize(
    "message",
    [
        *render([alert(), alert(revision=2), outage(1), campaign(1), rollout(1)]),
        render_notice(notice()),
        render_notice(notice(kind=GapKind.LOST, lost_messages=None, subscriptions=("a",))),
    ],
    ids=lambda message: message.id,
)
def test_every_value_fits_a_column_of_the_table(message: Rendered) -> None:
    [row] = json.loads(message.body)
    assert row.keys() <= COLUMNS.keys()
    for name, value in row.items():
        assert isinstance(value, OF_TYPE[COLUMNS[name]]), name
        if COLUMNS[name] == "datetime":
            assert datetime.fromisoformat(str(value)).tzinfo is not None


def test_the_link_of_a_row_leads_into_the_console_where_there_is_one() -> None:
    told = alert()
    [[row], [plain]] = (
        json.loads(one.body) for links in (Links(console=CONSOLE), Links()) for one in render([told], links)
    )
    assert row["Link"] == f"{CONSOLE}/alerts/{told.id}"
    assert plain["Link"].startswith("https://portal.azure.com/")


def test_every_column_is_used() -> None:
    messages = [*render([alert(), outage(1), alert(findings=25, omitted=3)]), render_notice(notice())]
    messages.append(render_notice(notice(subscriptions=("a",))))
    assert {name for message in messages for name in json.loads(message.body)[0]} == COLUMNS.keys()


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
async def test_whatever_names_are_no_column_is_cut_off_by_the_workspace(name: str) -> None:
    enormous = hostile(name).model_copy(update={"findings": hostile(name).findings * 200})
    [message] = render([enormous])
    [row] = json.loads(message.body)
    assert max(len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) for value in row.values()) <= (
        LARGEST_VALUE + 10
    )
    assert len(row["Findings"]) + row["FindingsLeftOut"] == 1600
    async with ingesting() as ingestion:
        assert (await receipt(ingestion, message)).outcome == "sent"


async def test_each_answer_means_what_it_should_for_a_retry() -> None:
    async with ingesting() as ingestion:
        ingestion.is_allowed = False
        assert await receipt(ingestion) == Receipt("broken", "rule_not_allowed")
        ingestion.is_allowed, ingestion.throttled = True, 1
        assert await receipt(ingestion) == Receipt("retry", "http_429", 7.0)
        assert (await receipt(ingestion)).outcome == "sent"
        other = "dcr-" + "f" * 32
        assert await receipt(ingestion, rule_id=other) == Receipt("broken", "rule_not_found")
        assert await receipt(ingestion, stream="Custom-Other_CL") == Receipt("broken", "stream_not_found")
        large = MESSAGE._replace(body=compact_rows({"Title": "x" * 1024 * 1024}))
        assert await receipt(ingestion, large) == Receipt("refused", "too_large")
        assert await receipt(ingestion, MESSAGE._replace(body=b"{}")) == Receipt("refused", "http_400")
        assert await receipt(ingestion, credential=Credential("old")) == Receipt("broken", "http_401")
        ingestion.away = True
        assert await receipt(ingestion) == Receipt("retry", "http_503")
        ingestion.url = f"http://127.0.0.1:{unused_port()}"
        assert await receipt(ingestion) == Receipt("retry", "connection")


async def test_without_a_token_it_is_tried_again_and_nobody_waits_for_one_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with ingesting() as ingestion:
        for error in (ClientAuthenticationError("no identity"), OSError("no such file")):
            assert await receipt(ingestion, credential=Credential(error=error)) == Receipt("retry", "entra_token")
        hangs = Credential()
        hangs.get_token = lambda *_, **__: asyncio.Event().wait()  # type: ignore[method-assign, assignment]
        monkeypatch.setattr("service.sinks.sentinel.sink._TOKEN_SECONDS", 0.05)
        assert await receipt(ingestion, credential=hangs) == Receipt("retry", "entra_token")
    assert not ingestion.rows


async def test_no_token_is_in_any_repr_log_or_receipt(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with ingesting() as ingestion, uploading(ingestion, Credential("planted-5ecret")) as sink:
        said = [str(await sink.send(MESSAGE)), repr(sink)]
    said += [record.getMessage() for record in caplog.records]
    assert "planted-5ecret" not in "\n".join(said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"endpoint": None}, "needs endpoint and rule_id"),
        ({"rule_id": None}, "needs endpoint and rule_id"),
        ({"endpoint": "https://evil.example"}, "should be an address of Azure's"),
        ({"endpoint": "http://x.westeurope-1.ingest.monitor.azure.com"}, "should begin with https"),
        ({"endpoint": "http://localhost:1"}, "should be an address of Azure's"),
        ({"endpoint": GIVEN["endpoint"] + "/dataCollectionRules/x"}, "should end with the host"),
        ({"rule_id": "/subscriptions/x"}, "should be the immutable id of a rule"),
        ({"stream": "UnwontedAlerts_CL"}, "should be the name of a stream"),
        ({"stream": "Custom-x/../../y"}, "should be the name of a stream"),
    ],
)
def test_what_cannot_be_sent_to_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SentinelSettings.model_validate({**GIVEN, **changes})


@pytest.mark.parametrize(
    ("cloud", "audience"),
    [
        ("public", "https://monitor.azure.com/.default"),
        ("usgov", "https://monitor.azure.us/.default"),
        ("china", "https://monitor.azure.cn/.default"),
    ],
)
def test_address_and_audience_follow_from_the_options(cloud: str, audience: str) -> None:
    settings = SentinelSettings.model_validate({**GIVEN, "cloud": cloud, "ca_file": "/nowhere"})
    assert settings.address == (
        f"{GIVEN['endpoint']}/dataCollectionRules/{RULE}/streams/Custom-UnwontedAlerts_CL?api-version=2023-01-01"
    )
    assert settings.destination() == "unwonted-abcd.westeurope-1.ingest.monitor.azure.com"
    assert settings.audience == audience
    assert "No such file" in settings.file_problems()[0]
