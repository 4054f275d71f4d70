"""A record comes out of what a search engine wrapped it in as it was written, or the document is refused."""

import gzip
import json
from base64 import b64encode
from typing import Any

import pytest

from service.documents.places import Trouble, Unreadable
from service.documents.wrappers import CARRIED, ELASTIC, SPLUNK, Wrapping, unwrap, wrapping

RECORD = '{"time":"2026-03-01T00:00:00Z","operationName":"A/b"}'
AS_OBJECT = json.loads(RECORD)


@pytest.mark.parametrize(
    ("document", "wrapped"),
    [
        ({"_source": {"event": {"original": RECORD}}}, ELASTIC),
        ({"_source": {"event.original": RECORD}}, ELASTIC),
        ({"_source": {"message": RECORD}}, ELASTIC),
        ({"@timestamp": "2026-03-01T00:00:00Z", "event": {"original": RECORD}}, ELASTIC),
        ({"event.original": RECORD}, ELASTIC),
        ({"fields": {"event.original": [RECORD]}, "_source": {}}, ELASTIC),
        ({"preview": False, "result": {"_raw": RECORD}}, SPLUNK),
        ({"_raw": RECORD, "_time": "1"}, SPLUNK),
        ({"preview": False, "result": AS_OBJECT}, SPLUNK),
        ({"_raw": json.dumps({"body": AS_OBJECT, "x-opt-sequence-number": 7})}, SPLUNK),
        ({"body": AS_OBJECT, "x-opt-sequence-number": 7, "x-opt-offset": "1"}, CARRIED),
        ({"body": RECORD, "partition": "0", "enqueuedTime": "2026-03-01T00:00:01Z"}, CARRIED),
        ({"body": b64encode(RECORD.encode()).decode(), "enqueuedTime": "2026-03-01T00:00:01Z"}, CARRIED),
        ({"ContentData": AS_OBJECT, "Properties": {}, "SystemProperties": {"Offset": "1"}}, CARRIED),
        ({"Body": AS_OBJECT, "EnqueuedTimeUtc": "x", "SystemProperties": {}}, CARRIED),
        ({"topic": "t", "partition": 0, "offset": 1, "payload": RECORD}, CARRIED),
        ({"@timestamp": "2026-03-01T00:00:01Z", "@version": "1", "message": RECORD}, CARRIED),
        ({"source_type": "azure_event_hubs", "timestamp": "x", "message": RECORD}, CARRIED),
        ({"_id": "x", "date": "x", "attributes": AS_OBJECT, "tags": []}, CARRIED),
    ],
    ids=json.dumps,
)
def test_the_record_is_found_wherever_it_is_put(document: dict[str, Any], wrapped: Wrapping) -> None:
    assert wrapping(document) is wrapped
    found = unwrap(json.dumps(document).encode(), wrapped)
    assert found is not None
    assert json.loads(found) == AS_OBJECT


def test_what_tells_of_the_search_itself_is_no_record_and_no_fault() -> None:
    assert unwrap(b'{"preview": true, "offset": 0}', SPLUNK) is None


@pytest.mark.parametrize(
    "document", [{"_source": {}}, {"_source": {"message": "GET /"}}, {"_source": {"message": [RECORD] * 2}}]
)
def test_a_document_without_its_original_is_refused_by_the_name_of_what_it_lacks(document: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match=r"event\.original") as refused:
        unwrap(json.dumps(document).encode(), ELASTIC)
    assert refused.value.trouble is Trouble.NO_ORIGINAL


@pytest.mark.parametrize("text", [b"{", b"[1]", b"[" * 100_000, b"\xff"])
def test_what_is_no_document_is_left_to_the_parser_as_it_is(text: bytes) -> None:
    assert unwrap(text, ELASTIC) == text


@pytest.mark.parametrize("keys", [AS_OBJECT, {"event": {}}, {"result": {}}, {}])
def test_a_plain_record_is_wrapped_in_nothing(keys: dict[str, Any]) -> None:
    assert wrapping(keys) is None


def test_a_packed_body_in_base64_is_handed_on_packed() -> None:
    packed = gzip.compress(RECORD.encode())
    document = {"body": b64encode(packed).decode(), "enqueuedTime": "x"}
    assert unwrap(json.dumps(document).encode(), CARRIED) == packed


@pytest.mark.parametrize("body", [None, "GET /", "Z2FyYmFnZQ==", 7, {}])
def test_a_message_without_a_record_is_left_to_the_parser(body: object) -> None:
    text = json.dumps({"body": body, "enqueuedTime": "x"}).encode()
    assert unwrap(text, CARRIED) == text
