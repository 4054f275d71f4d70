"""Which entries of a watch list are refused, and what they say."""

from typing import Any

import pytest
from pydantic import ValidationError

from service.settings.watch import WatchEntry


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"reason": "  ", "identities": ["ann"]}, "should say why"),
        ({"reason": "drill", "identities": ["ann*"]}, "without any wildcard"),
        ({"reason": "drill", "identities": [" "]}, "without any wildcard"),
        ({"reason": "drill", "operations": ["*/*"]}, "more than wildcards"),
        ({"reason": "drill"}, "should name at least one of"),
    ],
)
def test_an_entry_that_would_fit_everything_or_nothing_is_refused(entry: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        WatchEntry.model_validate(entry)


def test_a_reason_is_told_on_one_line() -> None:
    assert WatchEntry(reason=" an  emergency\naccount ", identities=("ann",)).reason == "an emergency account"
