"""Each preset makes what its product takes, whatever an outsider has chosen as a name."""

import json
from datetime import timedelta
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from service.core.alerting.alerts import Alert
from service.core.alerting.digest import digest
from service.core.alerting.sample_alert import sample_alert
from service.core.notices import GapKind
from service.core.ports import Sink
from service.core.verdicts.verdict import VerdictKind
from service.sinks.template.rendering import UNRENDERED
from service.sinks.template.settings import TemplateSettings
from tests.fakes.alerts import alert, campaign, hostile, outage, rollout
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.hostile_names import KNOWN
from tests.fakes.notices import hostile_verdict, notice, verdict_notice
from tests.service.sinks.kinds import configured, made
from tests.service.sinks.template.schemas import SCHEMAS

PRESETS = [str(name) for name in get_args(TemplateSettings.model_fields["preset"].annotation)]
OPTIONS: dict[str, dict[str, Any]] = {
    "jira": {"values": {"project": "SOC", "issuetype": "Task"}},
    "pagerduty": {"member_files": {"routing_key": "/nowhere"}},
    "splunk": {"values": {"index": "main"}},
    "servicenow": {"values": {"assignment_group": "SOC"}},
}
ALERTS: dict[str, Alert] = {
    "sample": sample_alert(MONDAY_MORNING),
    "ordinary": alert(),
    "update": alert(revision=4, findings=25, omitted=900, days=14),
    "outage": outage(identities=400),
    "rollout": rollout(),
    "campaign": campaign(),
    "digest": digest([alert(number) for number in range(1, 1_141)]),
    "nothing known": alert(actor_name="", actor_id="").model_copy(
        update={"findings": (alert().findings[0].model_copy(update={"resources": (), "addresses": (), "scopes": ()}),)}
    ),
    **{f"hostile {number}": hostile(name) for number, name in enumerate(KNOWN)},
}


def preset(name: str, **given: Any) -> Sink:
    return made("template", preset=name, **OPTIONS.get(name, {}), **given)


@pytest.mark.parametrize("name", PRESETS)
def test_what_a_preset_makes_of_any_alert_keeps_to_the_rules_of_its_product(name: str) -> None:
    validator, sink = Draft202012Validator(SCHEMAS[name]), preset(name)
    for case, one in ALERTS.items():
        [message] = sink.render([one])
        assert message.content_type not in UNRENDERED, case
        assert [error.message for error in validator.iter_errors(json.loads(message.body))] == [], case


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("kind", GapKind)
def test_what_a_preset_makes_of_a_notice_keeps_to_them_too(name: str, kind: GapKind) -> None:
    validator, sink = Draft202012Validator(SCHEMAS[name]), preset(name)
    until = MONDAY_MORNING + timedelta(hours=5)
    for one in (notice(kind=kind), notice(kind=kind, revision=2, stage="closed", until=until, lost_messages=7)):
        message = sink.render_notice(one)
        assert message.content_type not in UNRENDERED
        assert [error.message for error in validator.iter_errors(json.loads(message.body))] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("kind", VerdictKind)
def test_what_a_preset_makes_of_a_verdict_keeps_to_them_too(name: str, kind: VerdictKind) -> None:
    validator, sink = Draft202012Validator(SCHEMAS[name]), preset(name)
    for one in (verdict_notice(kind), *(hostile_verdict(hostile_name, kind) for hostile_name in KNOWN)):
        message = sink.render_notice(one)
        assert message.content_type not in UNRENDERED
        assert [error.message for error in validator.iter_errors(json.loads(message.body))] == []


def test_pagerduty_resolves_what_was_found_to_be_fine_and_not_an_attack() -> None:
    sink = preset("pagerduty")
    told = json.loads(sink.render([alert()])[0].body)
    for kind, action in ((VerdictKind.BENIGN, "resolve"), (VerdictKind.MALICIOUS, "trigger")):
        body = json.loads(sink.render_notice(verdict_notice(kind)).body)
        assert (body["dedup_key"], body["event_action"]) == (told["dedup_key"], action)


@pytest.mark.parametrize(("given", "told"), [({}, True), ({"updates": False}, False), ({"verdicts": False}, False)])
def test_where_each_post_is_a_new_ticket_no_verdict_is_told(given: dict[str, Any], told: bool) -> None:
    assert configured("template", **given).follows_up is told


@pytest.mark.parametrize("name", PRESETS)
def test_the_rules_refuse_what_a_product_would_refuse(name: str) -> None:
    body = json.loads(preset(name).render([alert()])[0].body)
    assert not Draft202012Validator(SCHEMAS[name]).is_valid({**body, "undocumented": 1})
    assert not Draft202012Validator(SCHEMAS[name]).is_valid({})


def test_pagerduty_collapses_updates_and_resolves_a_gap_that_is_closed() -> None:
    sink = preset("pagerduty")
    first, second = (json.loads(sink.render([alert(revision=revision)])[0].body) for revision in (1, 2))
    assert first["dedup_key"] == second["dedup_key"] == alert().id
    assert first["event_action"] == second["event_action"] == "trigger"
    closed = json.loads(sink.render_notice(notice(stage="closed", until=MONDAY_MORNING)).body)
    assert (closed["event_action"], closed["dedup_key"]) == ("resolve", notice().id)


def test_opsgenie_which_shows_html_is_given_none() -> None:
    [message] = preset("opsgenie").render([hostile('<img src=x onerror="alert(1)">')])
    assert b"<" not in message.body
    assert b">" not in message.body


def test_a_receiver_of_tickets_is_not_told_of_updates_if_told_so() -> None:
    sink = preset("jira", updates=False)
    assert [one.alerts for one in sink.render([alert(1), alert(2, revision=2)])] == [((alert(1).id, 1),)]
