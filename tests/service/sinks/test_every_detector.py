"""What each detector finds, told by each sink: its title, its reason and its counterfactual arrive whole."""

import io
import json
from datetime import timedelta

import pytest

from models.detectors.registry import DETECTORS, build, play
from service.core.alerting.alert_log import AlertLog
from service.core.alerting.alerts import Alert
from service.sinks.content.alert_content import ALL_LINKS, alert_content
from service.sinks.slack.sink import SlackSink
from service.sinks.stdout.sink import StdoutSink
from service.sinks.teams.sink import TeamsSink
from service.sinks.webhook.sink import WebhookSink
from tests.fakes.clock import FakeClock
from tests.fakes.receiver import posts_to

HOUR = timedelta(hours=1)
HTTP = posts_to("https://example.com/x")


def alert_of(name: str) -> Alert:
    """What is told at the end of the example in which the detector speaks."""
    detector, threshold = build(name), DETECTORS[name].declaration.threshold
    found = [one for one in play(name, detector.declaration.speaks) if one.score >= threshold]
    log = AlertLog(2 * HOUR)
    [alert] = log.tell(
        found, settled=set(), detectors={name: detector}, threshold=lambda _, time: threshold, now=found[0].bucket.end
    )
    return alert


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_a_finding_of_each_detector_reaches_a_reader_whole(name: str) -> None:
    alert = alert_of(name)
    first = alert.findings[0]
    facts = {fact.label: fact.text for fact in alert_content(alert, ALL_LINKS).findings[0]}
    assert facts["Why"] == first.why
    assert first.why.endswith(".")
    assert facts["Otherwise"] == first.evidence["counterfactual"]
    otherwise = facts["Otherwise"][:17]
    assert first.title in facts["Score"]
    teams = TeamsSink("team", HTTP)
    slack = SlackSink("channel", HTTP)
    hook = WebhookSink("hook", HTTP, clock=FakeClock())
    for sink in (teams, slack, hook):
        [message] = sink.render([alert])
        said = json.dumps(json.loads(message.body), ensure_ascii=False)
        for words in (first.why[:40], otherwise, first.response[0][:30]):
            assert json.dumps(words, ensure_ascii=False).strip('"') in said, (sink, words)
    [card] = StdoutSink("card", io.BytesIO()).render([alert])
    shown = " ".join(card.body.decode().split())
    assert first.why[:40] in shown
    assert otherwise in shown
