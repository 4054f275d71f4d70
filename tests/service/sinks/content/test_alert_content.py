"""What is said of an alert in words, beyond what the golden files show."""

import pytest

from service.sinks.content.alert_content import ALL_LINKS, alert_content
from tests.fakes.alerts import alert, finding


@pytest.mark.parametrize(
    ("settled", "counted"), [(True, "12 attempts, 12 failed"), (False, "12 attempts so far, 12 failed")]
)
def test_the_counts_of_an_hour_that_goes_on_are_said_to_be_those_so_far(settled: bool, counted: str) -> None:
    told = finding(attempts=12, failures=12, denials=0, settled=settled)
    content = alert_content(alert().model_copy(update={"findings": (told,)}), ALL_LINKS)
    (evidence,) = [fact.text for fact in content.findings[0] if fact.label == "Evidence"]
    assert evidence.startswith(f"{counted}; ")
