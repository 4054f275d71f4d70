"""What joins identities: a network strange to each, a target, a grant and what it was for; each is told of as well."""

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors.anomalies import Anomaly
from models.detectors.registry import DETECTORS, build
from models.statistics.scoring import Severity
from models.stream.cells import Cell
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.windows import Bucket
from service.core.alerting import shared_campaigns
from service.core.alerting.alert_log import AlertLog
from service.core.alerting.alerts import Alert, AlertKind
from service.core.alerting.revisions import MOST_FINDINGS, MOST_IDENTITIES
from service.sinks.content.alert_content import ALL_LINKS, alert_content, heading, kql
from service.sinks.content.ocsf import detection_finding

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALL = {name: build(name) for name in DETECTORS}
ASSIGN = "microsoft.authorization/roleassignments/write"
KEYS = "microsoft.storage/storageaccounts/listkeys/action"
GROUP = "/subscriptions/s1/resourceGroups/prod"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/payments"
CREDENTIAL = "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials/write"


def anomaly(
    who: str,
    action: str = KEYS,
    *,
    hour: int = 0,
    resource: str = "",
    strange: str = "",
    days: int = 40,
    score: float = 80.0,
    kind: ActorKind = ActorKind.HUMAN,
    failed: bool = False,
) -> Anomaly:
    time = MONDAY + hour * HOUR
    actor = Actor(f"t/{who}", who, kind)
    outcome = Outcome.DENIED if failed else Outcome.SUCCESS
    event = ActivityEvent(time, actor, action, action, outcome, "o", resource, "s1", strange, "", "c")
    cell = Cell(
        action, action, time, 1, int(not failed), 0, int(failed), (strange,) if strange else (), ("s1",), (event,)
    )
    terms = {"action": 4.0, "network": 1.0} if strange else {"action": 4.0}
    evidence: dict[str, Any] = {"terms": terms, "days_known": days, "networks_known": ["192.0.2"]}
    return Anomaly("rare_action", actor, Bucket.of(time, HOUR), cell, score, score / 20, "Never.", evidence)


def told(log: AlertLog, anomalies: Iterable[Anomaly], hour: int = 1) -> list[Alert]:
    now = MONDAY + hour * HOUR
    return log.tell(anomalies, settled=(), detectors=ALL, threshold=lambda name, time: 58.0, now=now)


def campaigns(alerts: Iterable[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.kind is AlertKind.CAMPAIGN]


def new_log() -> AlertLog:
    return AlertLog(2 * HOUR)


def loaded(log: AlertLog, other: AlertLog) -> AlertLog:
    """Return `other` as `log` comes back from a snapshot."""
    parts = [log.dump(), log.dump_failing(), log.rollouts.dump(), log.campaigns.dump(), log.open.dump()]
    other.load(*json.loads(json.dumps(parts)))
    return other


def test_two_identities_on_a_network_strange_to_both_are_joined_and_each_is_told_of_as_well() -> None:
    found = [
        anomaly("ann", strange="198.51.100.7"),
        anomaly("bob", ASSIGN, hour=50, strange="198.51.100.9", score=96.0),
    ]
    alerts = told(new_log(), found)
    assert sorted(alert.kind for alert in alerts) == [AlertKind.CAMPAIGN, AlertKind.IDENTITY, AlertKind.IDENTITY]
    [one] = campaigns(alerts)
    assert one.identities == ("ann", "bob")
    assert one.joined_by == ("the network 198.51.100, new to each of them",)
    assert {finding.actor_id for finding in one.findings} == {"t/ann", "t/bob"}
    assert (one.score, one.severity) == (96.0, Severity.HIGH)


def test_who_was_found_in_order_joins_nobody_any_more() -> None:
    log = new_log()
    told(log, [anomaly("ann", strange="198.51.100.7"), anomaly("eve", hour=1, strange="203.0.113.7")])
    log.campaigns.acquit(lambda finding: finding.actor_id == "t/ann")
    later = [anomaly("bob", hour=90, strange="198.51.100.9"), anomaly("carl", hour=90, strange="203.0.113.9")]
    [one] = campaigns(told(log, later, hour=91))
    assert one.identities == ("carl", "eve")


def test_a_grant_whose_maker_is_forgotten_joins_nobody_and_stops_nothing() -> None:
    log, role = new_log(), f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/r1"
    users = [anomaly(who, hour=50, days=1, resource=ACCOUNT.replace("payments", who)) for who in ("bob", "carl")]
    [one] = campaigns(told(log, [anomaly("ann", ASSIGN, resource=role), *users], hour=51))
    assert one.identities == ("ann", "bob", "carl")
    log.expire(MONDAY + timedelta(days=7, hours=1))
    joined = [anomaly(who, hour=200, strange="198.51.100.9") for who in ("bob", "dan")]
    [one] = campaigns(told(log, joined, hour=201))
    assert one.identities == ("bob", "dan")


def test_days_later_the_second_joins_the_first_of_whom_nothing_else_is_remembered() -> None:
    log = new_log()
    told(log, [anomaly("ann", strange="198.51.100.7")])
    log.expire(MONDAY + timedelta(days=3))
    log = loaded(log, new_log())
    [one] = campaigns(told(log, [anomaly("bob", hour=90, strange="198.51.100.9")], hour=91))
    assert {finding.actor_id for finding in one.findings} == {"t/ann", "t/bob"}
    log.expire(MONDAY + timedelta(days=20))
    assert (log.dump(), log.campaigns.dump()) == ([], [])


@pytest.mark.parametrize(
    "second",
    [
        anomaly("bob", strange="203.0.113.9"),
        anomaly("bob"),
        anomaly("ann", ASSIGN, strange="198.51.100.7"),
        anomaly("bob", hour=24 * 8, strange="198.51.100.7"),
    ],
    ids=["from elsewhere", "from home", "the same identity", "after more than a week"],
)
def test_nothing_joins_the_first(second: Anomaly) -> None:
    log = new_log()
    told(log, [anomaly("ann", strange="198.51.100.7")])
    log.expire(second.bucket.start)
    assert campaigns(told(log, [second], hour=200)) == []


def test_who_touches_the_same_target_is_joined_unless_it_was_refused() -> None:
    first, second = anomaly("ann", resource=ACCOUNT), anomaly("bob", hour=30, resource=ACCOUNT.upper())
    [one] = campaigns(told(new_log(), [first, second]))
    assert one.joined_by == (f"what they touched: {ACCOUNT.casefold()}",)
    refused = anomaly("bob", hour=30, resource=ACCOUNT, failed=True)
    assert campaigns(told(new_log(), [first, refused])) == []
    assert campaigns(told(new_log(), [anomaly("ann", resource=GROUP), anomaly("bob", resource=GROUP)])) == []


GRANTED = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/1"
REFUSED = anomaly("ann", ASSIGN, resource=GRANTED, failed=True)


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (anomaly("ann", ASSIGN, resource=GRANTED), anomaly("new", hour=3, resource=ACCOUNT, days=0), True),
        (anomaly("ann", ASSIGN, resource=GRANTED), anomaly("old", hour=3, resource=ACCOUNT), False),
        (anomaly("ann", ASSIGN, hour=9, resource=GRANTED), anomaly("new", hour=3, resource=ACCOUNT, days=0), False),
        (anomaly("ann", ASSIGN, resource=GRANTED), anomaly("new", hour=99, resource=ACCOUNT, days=0), False),
        (anomaly("ann", ASSIGN, resource=GRANTED), anomaly("eve", ASSIGN, hour=3, resource=GRANTED[:-1] + "2"), False),
        (
            anomaly("ann", ASSIGN, resource=GRANTED, failed=True),
            anomaly("new", hour=3, resource=ACCOUNT, days=0),
            False,
        ),
        (
            anomaly("ann", CREDENTIAL, resource=f"{GROUP}/providers/x/userAssignedIdentities/Deploy/f/1"),
            anomaly("deploy", hour=3, kind=ActorKind.MANAGED_IDENTITY),
            True,
        ),
    ],
    ids=["used", "by somebody known", "before it", "too late", "another grant", "refused", "by name"],
)
def test_a_grant_is_joined_with_what_it_was_for(first: Anomaly, second: Anomaly, joined: bool) -> None:
    for found in ([first, second], [second, first]):
        one = campaigns(told(new_log(), found))
        assert bool(one) is joined
        if joined:
            assert "that ann opened" in one[0].joined_by[0]
    log = new_log()
    told(log, [first])
    assert bool(campaigns(told(log, [second]))) is joined


def test_what_joins_two_campaigns_makes_them_one_under_the_id_of_one_of_them() -> None:
    log = new_log()
    before = told(
        log, [anomaly(who, strange=f"198.51.{at}.7") for who, at in (("ann", 1), ("bob", 1), ("cid", 2), ("dan", 2))]
    )
    assert len(campaigns(before)) == 2
    [one] = campaigns(told(log, [anomaly("bob", hour=3, strange="198.51.2.7")], hour=4))
    assert one.id in {alert.id for alert in campaigns(before)}
    assert (one.revision, one.identity_count, len(one.joined_by)) == (2, 4, 2)


def test_those_of_a_roll_out_from_a_network_strange_to_all_are_joined_as_well() -> None:
    alerts = told(new_log(), [anomaly(f"user{one}", strange="198.51.100.7") for one in range(9)])
    assert sorted(alert.kind for alert in alerts) == [AlertKind.CAMPAIGN, AlertKind.ROLLOUT]
    assert {alert.identity_count for alert in alerts} == {9}
    at_home = told(new_log(), [anomaly(f"user{one}", resource=ACCOUNT) for one in range(9)])
    assert [alert.kind for alert in at_home] == [AlertKind.ROLLOUT]


def test_many_are_counted_few_are_listed_and_each_of_the_listed_has_its_worst_in_it() -> None:
    found = [anomaly(f"user{one:02}", a, strange="198.51.100.7") for one in range(22) for a in (KEYS, ASSIGN)]
    [one] = campaigns(told(AlertLog(2 * HOUR, rollout_from=99), found))
    assert (one.identity_count, len(one.identities), len(one.findings)) == (22, MOST_IDENTITIES, 22)
    assert one.finding_count <= MOST_FINDINGS


def test_memory_is_bounded_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_campaigns, "MOST_TRACES", 10)
    log = new_log()
    told(log, [anomaly(f"user{one}", hour=one, days=5, strange=f"198.51.{one}.7") for one in range(30)])
    rows = log.campaigns.dump()
    assert len(rows) == 10
    assert min(row["since"] for row in rows) == (MONDAY + 20 * HOUR).isoformat()


def test_every_reader_is_told_who_and_what_joins_them() -> None:
    found = [anomaly("ann", strange="198.51.100.7"), anomaly("bob", ASSIGN, strange="198.51.100.9")]
    [one] = campaigns(told(new_log(), found))
    assert heading(one) == "Medium 80: 2 identities joined by the network 198.51.100, new to each of them"
    content = alert_content(one, ALL_LINKS)
    assert content.who.text == "2 identities: ann and bob; joined by the network 198.51.100, new to each of them"
    assert content.checks[0].startswith("Treat them as one intruder")
    assert "Caller" not in kql(one)
    finding: Any = detection_finding(one)
    assert finding["unmapped"]["joined_by"] == list(one.joined_by)
    assert {each["actor"]["user"]["uid"] for each in finding["evidences"]} == {"t/ann", "t/bob"}


drawn = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["ann", "bob", "cid", "dan"]),
            st.sampled_from([KEYS, ASSIGN]),
            st.sampled_from(["", "198.51.1.7", "198.51.2.7"]),
            st.sampled_from(["", ACCOUNT, GRANTED]),
            st.sampled_from([0, 40]),
            st.sampled_from([60.0, 95.0]),
        ),
        max_size=6,
    ),
    max_size=6,
)


@given(drawn, st.integers(0, 6), st.randoms(use_true_random=False))
def test_the_same_is_told_whatever_the_order_and_the_restarts_and_of_no_identity_less(
    ticks: list[list[tuple[str, str, str, str, int, float]]], restart: int, chance: random.Random
) -> None:
    log, shuffled = new_log(), new_log()
    seen: dict[str, Anomaly] = {}
    revisions: dict[str, int] = {}
    own: set[str] = set()
    for tick, rows in enumerate(ticks):
        for who, action, strange, resource, days, score in rows:
            one = anomaly(who, action, hour=tick, strange=strange, resource=resource, days=days, score=score)
            seen[one.id] = one
        if tick == restart:
            log = loaded(shuffled, new_log())
        mixed = list(seen.values())
        chance.shuffle(mixed)
        alerts = told(log, seen.values(), hour=tick + 1)
        assert alerts == told(shuffled, mixed, hour=tick + 1)
        for alert in alerts:
            assert alert.revision == revisions.get(alert.id, 0) + 1
            revisions[alert.id] = alert.revision
            if alert.kind is AlertKind.IDENTITY:
                own |= {finding.actor_id for finding in alert.findings}
            else:
                assert {finding.actor_id for finding in alert.findings} <= own
                assert len({finding.actor_id for finding in alert.findings}) == alert.identity_count > 1
                assert {finding.id for finding in alert.findings} <= seen.keys()
                assert alert.severity is max((each.severity for each in alert.findings), key=lambda each: each.rank)
        assert all(log.told(one) for one in seen.values())
