"""A line of OCSF holds what the schema demands of a Detection Finding, however anybody in it is called."""

import json

import pytest

from service.core.alerting.alerts import Alert
from service.core.incidents import IncidentState
from service.sinks.content.ocsf_line import ocsf_line
from tests.fakes.alerts import alert, hostile, outage
from tests.fakes.hostile_names import each_hostile_name

# https://schema.ocsf.io/1.5.0/classes/detection_finding?profiles=cloud
REQUIRED = {
    "activity_id",
    "category_uid",
    "class_uid",
    "cloud",
    "finding_info",
    "metadata",
    "severity_id",
    "time",
    "type_uid",
}
STATUSES = {"New": 1, "In Progress": 2, "Resolved": 4}


def told(one: Alert, state: IncidentState = IncidentState.NEW) -> dict[str, object]:
    line = ocsf_line(one, state)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    found: dict[str, object] = json.loads(line)
    return found


@pytest.mark.parametrize("one", [alert(1), alert(2, findings=3, revision=2), outage(3)], ids=lambda one: one.id)
def test_what_the_schema_demands_is_there_and_agrees_with_itself(one: Alert) -> None:
    found = told(one)
    assert found.keys() >= REQUIRED
    assert (found["class_uid"], found["category_uid"]) == (2004, 2)
    assert found["type_uid"] == 2004 * 100 + int(str(found["activity_id"]))
    assert isinstance(found["finding_info"], dict)
    assert {"title", "uid"} <= found["finding_info"].keys()
    assert isinstance(found["metadata"], dict)
    assert {"product", "version"} <= found["metadata"].keys()
    assert found["cloud"] == {"provider": "Azure"}
    assert found["severity_id"] in range(7)


@pytest.mark.parametrize("state", IncidentState)
def test_its_status_is_how_far_people_are_with_the_incident(state: IncidentState) -> None:
    found = told(alert(1), state)
    assert found["status_id"] == STATUSES[str(found["status"])]
    assert (found["status"] == "New") is (state is IncidentState.NEW)


@each_hostile_name
def test_whatever_somebody_is_called_it_is_one_line_of_utf_8(name: str) -> None:
    assert told(hostile(name))["class_uid"] == 2004
