"""Activities become records that the parser reads as what was meant."""

from datetime import UTC, datetime, timedelta

import pytest

from models.detectors import DETECTORS
from models.stream import ActivityEvent, ActorKind, Outcome
from service.core.parsing import ActivityLogParser
from service.expectations.models import Activities, Past
from service.expectations.records import record_lines

FRIDAY = datetime(2026, 3, 6, 9, tzinfo=UTC)


def events(*activities: Activities) -> list[ActivityEvent]:
    parser = ActivityLogParser()
    parsed = [parser.parse(line) for line in record_lines([Past(activities=activities)])]
    assert not any(one.rejected for one in parsed)
    return [event for one in parsed for event in one.events]


def activities(**more: object) -> Activities:
    return Activities.model_validate(
        {"identity": "ann", "operation": "Microsoft.Web/sites/write", "at": FRIDAY, **more}
    )


@pytest.mark.parametrize("kind", [ActorKind.HUMAN, ActorKind.SERVICE_PRINCIPAL, ActorKind.MANAGED_IDENTITY])
@pytest.mark.parametrize("name", ["ann", "Ann@contoso.com", "0a1b2c3d-0000-4000-8000-000000000001"])
def test_an_identity_is_known_by_the_name_that_was_written(kind: ActorKind, name: str) -> None:
    [event] = events(activities(identity=name, kind=kind))
    assert (event.actor.name.casefold(), event.actor.kind) == (name.casefold(), kind)
    assert event.actor.id.endswith(f"/{name.casefold()}")


@pytest.mark.parametrize("outcome", ["success", "failure", "denied"])
def test_an_end_is_the_one_that_was_meant(outcome: str) -> None:
    [event] = events(activities(outcome=outcome, address="2001:DB8::1"))
    assert (event.outcome, event.address) == (Outcome[outcome.upper()], "2001:db8::1")
    assert (event.action, event.time) == ("microsoft.web/sites/write", FRIDAY)


def test_activities_are_repeated_as_it_says_each_an_operation_of_its_own() -> None:
    found = events(activities(identity=["ann", "ben"], days=4, weekdays=True, times=3))
    assert sorted({event.time.date() for event in found}) == [FRIDAY.date(), FRIDAY.date() + timedelta(days=3)]
    assert len({event.operation for event in found}) == len(found) == 2 * 2 * 3
    assert [event.time for event in found] == sorted(event.time for event in found)
    assert len({event.scope for event in [*found, *events(activities(subscription="other"))]}) == 2


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_an_example_is_what_the_detector_declares(name: str) -> None:
    example = DETECTORS[name].declaration.speaks
    parser = ActivityLogParser()
    lines = record_lines([Past(example=f"{name}.speaks")])
    found = [event for line in lines for event in parser.parse(line).events]
    told = [
        (activity.time, activity.who, activity.what, activity.ended, activity.source, activity.kind)
        for activity in (*example.before, *example.then)
    ]
    said = [(one.time, one.actor.name, one.action, one.outcome, one.address, one.actor.kind) for one in found]
    assert sorted(said) == sorted(told)
