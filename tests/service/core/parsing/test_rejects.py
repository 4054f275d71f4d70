import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.parsing.parser import ActivityLogParser
from service.core.parsing.rejects import SAMPLE_LENGTH, RejectReason, redact, reject
from tests.service.core.parsing.samples import CORRELATION, MICROSOFT, RESOURCE, dump, human, message, record

SECRET = "S3cr3tS3cr3tS3cr3tS3cr3t"
KEY = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zg=="
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlc2lnbmF0dXJl"

LEAKS = {
    "SAS": f"https://x.blob.core.windows.net/c/b?sv=2022&sp=r&sig={SECRET}%3D&se=2024",
    "logic app": f"https://prod.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sig={SECRET}",
    "function key": f"https://f.azurewebsites.net/api/x?code={SECRET}",
    "connection string": f"Endpoint=sb://h/;SharedAccessKeyName=Root;SharedAccessKey={KEY};EntityPath=e",
    "account key": f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY};EndpointSuffix=x",
    "password in JSON": json.dumps({"adminPassword": f'{SECRET}"{SECRET}'}),
    "password in JSON in JSON": json.dumps({"requestbody": json.dumps({"adminPassword": f'x"{SECRET}'})}),
    "password three levels down": json.dumps({"a": json.dumps({"b": json.dumps({"adminPassword": f'x"{SECRET}'})})}),
    "password in pseudo-JSON": "{'clientSecret': 'it\\'s " + SECRET + "'}",
    "cut password": f'"storageKey":"{SECRET}',
    "bearer": f"Authorization: Bearer {SECRET}",
    "token": JWT,
    "bare key": f"the key is {KEY}",
    "user name": "ann.o'brien+x@contoso.com",
    "guest": "bob_fabrikam.com#EXT#@contoso.onmicrosoft.com",
    "name claim": json.dumps({"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname": SECRET}),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_no_secret_and_no_person_is_in_a_sample(kind: str) -> None:
    redacted = redact(LEAKS[kind])

    for forbidden in (SECRET, SECRET[:8], KEY[:20], JWT[10:30], "ann.o", "brien", "contoso", "fabrikam"):
        assert forbidden not in redacted
    assert "***" in redacted


def test_what_is_harmless_stays_readable() -> None:
    harmless = dump(
        {
            "operationName": "Microsoft.Storage/storageAccounts/listKeys/action",
            "resourceId": RESOURCE,
            "correlationId": CORRELATION,
            "time": "2024-05-01T08:00:00Z",
        }
    ).decode()

    assert redact(harmless) == harmless


def test_a_rejected_record_shows_its_shape_but_not_its_people() -> None:
    (refused,) = ActivityLogParser().parse(message(record(time="noon, says ann@contoso.com"))).rejects

    assert refused.reason is RejectReason.BAD_TIME
    assert "VIRTUALMACHINES/WRITE" in refused.sample
    for text in (refused.sample, refused.detail):
        assert not re.search("contoso|O'Brien", text)


@given(st.binary(max_size=9000))
def test_samples_are_bounded(raw: bytes) -> None:
    refused = reject(RejectReason.MALFORMED, raw, raw.decode("latin-1"))

    assert len(refused.sample) <= SAMPLE_LENGTH
    assert len(refused.detail) <= 200


@pytest.mark.parametrize("run", ["a", "a@", '"a":"', '\\"', "eyJ", "a.", "'", "\\", "sig=", "x" * 50 + "="])
def test_redaction_takes_linear_time(run: str) -> None:
    assert len(redact(run * (200_000 // len(run)))) > 0  # quadratic work would run into the time-out


@settings(max_examples=40)
@given(st.integers(0, 5000))
def test_a_secret_across_the_edge_of_the_window_does_not_slip_through(shift: int) -> None:
    raw = b"x " * (shift // 2) + b"ann@contoso.com " + b"sig=" + SECRET.encode() + b" " + b"y" * 9000

    sample = reject(RejectReason.MALFORMED, raw, "").sample

    assert "ann" not in sample
    assert "S3" not in sample


def test_ten_thousand_records_are_read() -> None:
    parsed = ActivityLogParser().parse(message(*[record()] * 10_000))

    assert len(parsed.events) == parsed.records == 10_000


def test_a_claim_of_a_megabyte_is_not_remembered() -> None:
    parser = ActivityLogParser()
    body = message(record(human(**{MICROSOFT + "objectidentifier": "x" * 1_000_000})))

    (event,) = parser.parse(body).events

    assert len(event.actor.id) < 1000
    assert parser._reader._actors == {}
    other = message(record(human(**{MICROSOFT + "objectidentifier": "x" * 999_999 + "y"})))
    assert parser.parse(other).events[0].actor.id != event.actor.id, "cut, yet somebody else"


def test_dump_of_a_reject_is_plain_data() -> None:
    (refused,) = ActivityLogParser().parse(dump([7])).rejects

    assert tuple(refused) == (RejectReason.NOT_A_RECORD, "7", refused.detail, 1)
