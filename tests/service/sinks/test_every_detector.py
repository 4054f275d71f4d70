"""What each detector finds, told by each sink: its title, its reason and its counterfactual arrive whole."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from models.detectors.options import takes
from models.detectors.registry import DETECTORS, build
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from service.core.alerting.alerts import Alert
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.sinks.content.alert_content import ALL_LINKS, alert_content
from service.sinks.slack.sink import SlackSink
from service.sinks.stdout.sink import StdoutSink
from service.sinks.teams.sink import TeamsSink
from service.sinks.webhook.sink import WebhookSink
from tests.fakes.clock import FakeClock
from tests.fakes.geography import locate
from tests.models.detectors.driving import settle

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = [Actor(f"t/p{number}", f"p{number}@contoso.example", ActorKind.HUMAN) for number in range(8)]
URL = SecretStr("https://example.com/x")
USUAL = "Microsoft.Web/sites/write"
DOORS = (
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.KeyVault/vaults/accessPolicies/write",
    "Microsoft.Compute/disks/beginGetAccess/action",
)


def bucket_of(actor: Actor, hour: float, names: tuple[str, ...], *, denied: bool, address: str) -> ActorBucket:
    bucket = Bucket.of(MONDAY + hour * HOUR, HOUR)
    cells = tuple(
        Cell(name.lower(), name, bucket.start + timedelta(minutes=n), 1, int(not denied), 0, int(denied), (address,))
        for n, name in enumerate(names)
    )
    return ActorBucket(actor, bucket, cells)


def alert_of(name: str) -> Alert:
    """A thief, months after the owner's last day, from the other end of the world, is refused at every door."""
    geography = {"locate": locate} if takes(DETECTORS[name], "locate") else {}
    detector = build(name, **geography)
    for day in range(60):
        for actor in PEOPLE if day < 20 else PEOPLE[1:]:
            seen = bucket_of(actor, 24.0 * day, (USUAL,), denied=False, address="10.0.1.1")
            settle(detector, Crowd(1, {}), (seen, detector.score(seen, Crowd(1, {}))))
    theft = bucket_of(PEOPLE[0], 24.0 * 60, DOORS, denied=True, address="198.51.100.7")
    found = [one for one in detector.score(theft, Crowd(1, {})) if one.score >= 50.0]
    options = Options(HOUR, HOUR / 2, 24 * HOUR, 2 * HOUR, {name: 50.0})
    told = Engine(options, [detector]).alerts
    [alert] = told.tell(
        found, settled=set(), detectors={name: detector}, threshold=lambda _, time: 50.0, now=theft.bucket.end
    )
    return alert


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_a_finding_of_each_detector_reaches_a_reader_whole(name: str) -> None:
    alert, clock = alert_of(name), FakeClock()
    first = alert.findings[0]
    facts = {fact.label: fact.text for fact in alert_content(alert, ALL_LINKS).findings[0]}
    assert facts["Why"] == first.why
    assert first.why.endswith(".")
    assert facts["Otherwise"] == first.evidence["counterfactual"]
    otherwise = facts["Otherwise"][:17]
    assert first.title in facts["Score"]
    teams = TeamsSink("team", URL, clock=clock)
    slack = SlackSink("channel", URL, clock=clock)
    hook = WebhookSink("hook", URL, clock=clock)
    for sink in (teams, slack, hook):
        [message] = sink.render([alert])
        said = json.dumps(json.loads(message.body), ensure_ascii=False)
        for words in (first.why[:40], otherwise, first.response[0][:30]):
            assert json.dumps(words, ensure_ascii=False).strip('"') in said, (sink, words)
    [card] = StdoutSink("card", io.BytesIO()).render([alert])
    shown = " ".join(card.body.decode().split())
    assert first.why[:40] in shown
    assert otherwise in shown
