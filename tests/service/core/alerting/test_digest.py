from datetime import timedelta

import pytest

from models.statistics.scoring import Severity
from service.core.alerting.digest import by_urgency, digest
from tests.fakes.alerts import alert, outage
from tests.fakes.clock import MONDAY_MORNING


def test_the_more_severe_comes_first_then_the_higher_score_then_the_older() -> None:
    old, new = (alert(number, score=70.0).model_copy(update={"window_start": start}) for number, start in (
        (1, MONDAY_MORNING - timedelta(hours=2)), (2, MONDAY_MORNING)))  # fmt: skip
    higher = alert(3, score=71.0)
    severe = alert(4, score=60.0, severity=Severity.CRITICAL)

    assert by_urgency([new, higher, severe, old]) == [severe, higher, old, new]


def test_a_digest_counts_everything_and_shows_the_first() -> None:
    alerts = [alert(number, findings=3) for number in range(1, 101)]

    told = digest(alerts)

    assert told.identity_count == 100
    assert told.finding_count == 300
    assert (told.score, told.severity) == (alerts[0].score, alerts[0].severity)
    assert [finding.actor_id for finding in told.findings] == [one.actor_id for one in alerts[:25]]
    assert told.identities == tuple(one.actor_name for one in alerts[:20])


def test_what_is_in_a_digest_gives_its_id() -> None:
    alerts = [alert(number) for number in range(1, 6)]

    assert digest(alerts).id == digest(list(alerts)).id
    assert len({digest(alerts).id, digest(alerts[1:]).id, digest(alerts[::-1]).id, alerts[0].id}) == 4
    assert digest([alert(1), alert(2, revision=2)]).id != digest([alert(1), alert(2)]).id


@pytest.mark.parametrize("count", [1, 2])
def test_an_operation_that_fails_for_many_may_be_in_it(count: int) -> None:
    told = digest([outage(number) for number in range(1, count + 1)])

    assert (told.identity_count, told.operation) == (count, "")
    assert told.finding_count == count * 12
