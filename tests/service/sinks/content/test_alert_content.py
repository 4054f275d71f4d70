"""What is said of an alert in words, beyond what the golden files show."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from models.stream.events import ActorKind
from service.core.alerting.alerts import Alert
from service.core.alerting.digest import digest
from service.sinks.content.alert_content import ALL_LINKS, Fact, Link, Links, alert_content
from service.sinks.content.ocsf import detection_finding
from tests.fakes.alerts import HOSTILE_NAMES, alert, campaign, finding, hostile, outage, rollout


@pytest.mark.parametrize(
    ("settled", "counted"), [(True, "12 attempts, 12 failed"), (False, "12 attempts so far, 12 failed")]
)
def test_the_counts_of_an_hour_that_goes_on_are_said_to_be_those_so_far(settled: bool, counted: str) -> None:
    told = finding(attempts=12, failures=12, denials=0, settled=settled)
    content = alert_content(alert().model_copy(update={"findings": (told,)}), ALL_LINKS)
    (evidence,) = [fact.text for fact in content.findings[0] if fact.label == "Evidence"]
    assert evidence.startswith(f"{counted}; ")


CONSOLE = Links(console="https://unwonted.example")


def test_links_into_the_console_open_the_alert_with_a_choice_filled_in_and_say_nothing_themselves() -> None:
    page = "https://unwonted.example/alerts/a1e2700000000001"
    assert alert_content(alert(), CONSOLE).decisions == (
        Link("Open in console", page),
        Link("Fine: learn it", f"{page}?verdict=benign#verdict"),
        Link("Suppress…", f"{page}/suppress"),
    )
    assert alert_content(alert(), ALL_LINKS).decisions == ()


def test_a_digest_has_no_page_in_the_console() -> None:
    assert alert_content(digest([alert(1), alert(2)]), CONSOLE).decisions == ()


@pytest.mark.parametrize("made", [outage, rollout, campaign])
def test_of_many_the_first_screen_names_them_and_says_what_they_do(made: Callable[[], Alert]) -> None:
    content = alert_content(made(), ALL_LINKS)
    assert content.heading.endswith(content.what)
    assert content.name == content.who.text


@pytest.mark.parametrize("kind", list(ActorKind))
def test_who_is_a_name_and_a_kind_and_no_id_where_a_name_is_known(kind: ActorKind) -> None:
    name = alert_content(alert(actor_kind=kind), ALL_LINKS).name
    assert name == "alice@contoso.com" + ("" if kind is ActorKind.UNKNOWN else f" ({kind.value.replace('_', ' ')})")


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_a_query_that_an_address_cannot_hold_whole_is_shortened_or_left_out_never_cut(name: str) -> None:
    told = tuple(finding(correlations=(f"{one}{name}",), action=f"{name}{one}") for one in range(10))
    links = {
        one.label: one.url
        for one in alert_content(hostile(name).model_copy(update={"findings": told}), ALL_LINKS).links
    }
    assert max(map(len, links.values())) <= 4_000
    if "KQL query" in links:
        assert unquote(links["KQL query"]).endswith("| sort by TimeGenerated asc")


def test_an_alert_that_is_not_the_first_of_its_incident_says_so_and_leads_there() -> None:
    third = alert(3, incident=alert().id, incident_place=3)
    content = alert_content(third, CONSOLE)
    said = Fact("Incident", f"third alert of incident {alert().id}")
    assert said in content.subject
    assert said in content.first_screen
    assert content.links[0] == Link("Incident", f"https://unwonted.example/incidents/{alert().id}")
    assert "Incident" not in [fact.label for fact in alert_content(alert(), CONSOLE).first_screen]


def test_machines_are_told_of_an_incident_from_its_second_alert_on() -> None:
    unmapped: Any = detection_finding(alert(3, incident=alert().id, incident_place=3))["unmapped"]
    assert (unmapped["incident"], unmapped["incident_place"]) == (alert().id, 3)
    first: Any = detection_finding(alert())["unmapped"]
    assert not {"incident", "incident_place"} & first.keys()
