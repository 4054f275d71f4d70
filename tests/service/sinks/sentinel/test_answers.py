"""What an answer of the Logs Ingestion API means, whatever stands in it."""

import pytest

from service.core.ports import Receipt
from service.sinks.posting.http_post import Answer
from service.sinks.sentinel.answers import classify


@pytest.mark.parametrize("text", ["", "not JSON", "[]", "{}", '{"error": null}', '{"error": {}}', '"error"'])
def test_a_bad_request_that_says_nothing_that_can_be_read_is_a_bad_row(text: str) -> None:
    assert classify(Answer(400, text, None)) == Receipt("refused", "http_400")
