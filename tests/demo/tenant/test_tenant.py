"""The simulated tenant keeps its promises: determinism, truth, and the shape of real activity logs."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from demo.tenant import DAY, HOUR, Arrival, Call, Directory, Tenant, TenantPlan, named
from demo.tenant.__main__ import main
from service.core.parsing.parser import ActivityLogParser

pytestmark = pytest.mark.slow

PLAN = TenantPlan(seed=11, identities=60, days=10, campaigns=8, duplicates=0.3)
UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"


@cache
def tenant() -> Tenant:
    return Tenant(PLAN)


@cache
def plain() -> tuple[Arrival, ...]:
    return tuple(Tenant(replace(PLAN, policies=0.0)).records())


@cache
def arrivals() -> tuple[Arrival, ...]:
    return tuple(tenant().records())


def attributed() -> list[dict[str, Any]]:
    """Return the records of everybody whom the truth knows: not what Azure's services add to them."""
    return [arrival.record for arrival in plain() if "identity" in arrival.record]


def moment(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["time"])


def stable_id(record: dict[str, Any]) -> str:
    return f"{tenant().tenant_id}/{record['identity']['claims'][OID]}"


def test_the_same_plan_makes_the_same_bytes_and_another_seed_makes_others() -> None:
    small = TenantPlan(seed=3, identities=20, days=3, campaigns=2)
    once = list(Tenant(small).messages())
    twin = Tenant(small)
    assert once == list(twin.messages())
    assert once == list(twin.messages())  # asking again begins again
    assert once != list(Tenant(TenantPlan(seed=4, identities=20, days=3, campaigns=2)).messages())


def test_messages_carry_the_records_in_the_same_order() -> None:
    small = Tenant(TenantPlan(seed=3, identities=20, days=2, campaigns=1))
    carried = []
    sizes = set()
    for enqueued_time, partition, body in small.messages():
        records = json.loads(body)["records"]
        sizes.add(len(records))
        carried += [(enqueued_time, partition, record) for record in records]
    assert carried == [tuple(arrival) for arrival in small.records()]
    assert min(sizes) == 1
    assert 20 < max(sizes) <= 120


def test_records_arrive_in_order_late_and_on_every_partition() -> None:
    times = [arrival.arrives_at for arrival in arrivals()]
    assert times == sorted(times)
    assert {arrival.partition for arrival in arrivals()} == {"0", "1", "2", "3"}
    delays = sorted((arrival.arrives_at - moment(arrival.record)) / timedelta(minutes=1) for arrival in arrivals())
    assert delays[0] > 2
    assert 3 < delays[len(delays) // 2] < 12
    assert delays[int(len(delays) * 0.9)] < 20
    assert delays[-1] > 30


def test_every_step_of_every_campaign_stands_in_the_records() -> None:
    seen = {
        (stable_id(record), record["identity"]["authorization"]["action"].casefold(), moment(record))
        for record in attributed()
    }
    failed = {
        (stable_id(record), record["identity"]["authorization"]["action"].casefold(), record["correlationId"])
        for record in attributed()
        if record["resultType"] == "Failure"
    }
    for campaign in tenant().campaigns:
        assert campaign.steps
        for step in campaign.steps:
            assert (campaign.actor, step.action, step.time) in seen
            if step.failed:
                assert any((campaign.actor, step.action) == found[:2] for found in failed)


def test_campaigns_begin_within_their_window_in_all_styles_by_different_identities() -> None:
    campaigns = tenant().campaigns
    assert len(campaigns) == PLAN.campaigns
    assert {campaign.style for campaign in campaigns} == {"recon", "stealthy", "insider", "multi-step"}
    assert len({campaign.actor for campaign in campaigns}) == PLAN.campaigns
    assert all(campaign.steps[0].time >= PLAN.start + timedelta(days=PLAN.first_campaign_day) for campaign in campaigns)
    assert all(step.time < PLAN.end for campaign in campaigns for step in campaign.steps)


def test_an_operation_leaves_about_two_records() -> None:
    distinct = {(r["correlationId"], r["resultType"], r["operationName"].casefold()) for r in attributed()}
    operations = {(correlation, name) for correlation, _, name in distinct}
    assert len(distinct) / len(operations) == pytest.approx(2.17, abs=0.08)


def test_what_is_planted_is_recorded_like_the_rest_and_changes_nothing_about_it() -> None:
    directory = Directory(PLAN)
    stranger = directory.stranger("a key", "guest", "developer")
    spare = len(directory.subscriptions)
    planted = [
        Call(day * DAY + HOUR, stranger, named("Microsoft.Resources/tags/write"), "", where, "rg-core-1", "192.0.2.7")
        for day, where in ((0, 0), (4, 1), (9, spare))
    ]

    def texts(found: Iterable[Arrival]) -> Counter[str]:
        return Counter(json.dumps(arrival.record, sort_keys=True) for arrival in found)

    more = list(Tenant(PLAN, planted).records())
    added = texts(more) - texts(arrivals())
    records = [json.loads(text) for text in added]

    assert texts(arrivals()) - texts(more) == Counter()
    assert {record["time"][:10] for record in records} == {"2026-01-05", "2026-01-09", "2026-01-14"}
    assert {record["identity"]["claims"][OID] for record in records} == {stranger.id.split("/")[1]}
    assert any(directory.spare in record["resourceId"].casefold() for record in records)
    assert not any(directory.spare in text.casefold() for text in texts(arrivals()))
    delays = [arrival.arrives_at - moment(arrival.record) for arrival in more if "192.0.2.7" in str(arrival.record)]
    assert all(timedelta(0) < delay < timedelta(hours=6) for delay in delays)


def test_a_stranger_is_the_same_whoever_else_is_made_up_and_nobody_of_the_tenant() -> None:
    one, other = Directory(PLAN), Directory(PLAN)
    for number in range(50):
        other.stranger(f"{number}", "human", "developer")
    found = [directory.stranger("a key", "human", "developer", 3) for directory in (one, other)]

    assert found[0].claims == found[1].claims
    assert (found[0].id, found[0].networks, found[0].first_day) == (found[1].id, found[1].networks, 3)
    assert found[0].id not in {who.id for who in one.identities}
    assert one.stranger("another", "human", "developer").id != found[0].id


def test_the_calls_of_a_tenant_are_those_that_its_records_are_made_of() -> None:
    calls = list(tenant().calls())

    assert {call.who for call in calls} <= set(tenant().identities)
    assert {call.what.action for call in calls} >= {step.action for one in tenant().campaigns for step in one.steps}
    assert len(calls) == pytest.approx(len(attributed()) / 2.2, rel=0.2)


def test_some_records_come_twice_with_equal_content() -> None:
    counts = Counter(json.dumps(arrival.record) for arrival in arrivals())
    repeated = sum(1 for number in counts.values() if number > 1) / len(counts)
    assert 0.002 < repeated < 0.6
    assert max(counts.values()) == 2


def test_all_kinds_of_identities_act_as_the_wire_shows_them() -> None:
    assert {who.kind for who in tenant().identities} == {
        "human",
        "guest",
        "service_principal",
        "managed_identity",
        "first_party",
    }
    claims = {stable_id(record): record["identity"]["claims"] for record in attributed()}
    for who in tenant().identities:
        if who.id in claims:
            assert (UPN in claims[who.id]) == who.person
            assert ("xms_mirid" in claims[who.id]) == (who.kind == "managed_identity")
    assert any(
        "#ext#" in claim[UPN].casefold() or "live.com#" in claim[UPN] for claim in claims.values() if UPN in claim
    )


def test_the_wire_has_azures_quirks() -> None:
    records = [arrival.record for arrival in arrivals()]
    assert {type(record["durationMs"]) for record in attributed()} == {int, str}
    assert {"Administrative", "Write", "Delete", "Action", "Policy"} <= {record["category"] for record in records}
    assert {"Start", "Accept", "Success", "Failure"} <= {record["resultType"] for record in records}
    assert all(len(record["time"]) == len("2026-01-05T00:00:00.1234567Z") for record in records)
    assert any(record["operationName"].isupper() for record in records)
    assert any(record["operationName"] == record["identity"]["authorization"]["action"] for record in attributed())
    addresses = {record["callerIpAddress"] for record in attributed()}
    assert any(address.startswith("2001:db8:") for address in addresses)
    assert any("." in address and ":" in address for address in addresses)
    assert any("identity" not in record for record in records)


def test_the_parser_reads_every_record_and_recognises_every_identity() -> None:
    small = Tenant(TenantPlan(seed=6, identities=100, days=3, campaigns=2))
    known = {who.id: (who.name, who.kind) for who in small.identities}
    parser = ActivityLogParser()
    met = set()
    services = set()
    for _, _, body in small.messages():
        parsed = parser.parse(body)
        assert not parsed.rejects
        for event in parsed.events:
            if event.actor.id not in known:
                services.add((event.actor.name, event.actor.kind))
                continue
            assert known[event.actor.id] == (event.actor.name.casefold(), event.actor.kind)
            met.add(event.actor.kind)
    assert met == {kind for _, kind in known.values()}
    assert services == {(name, "first_party") for name in ("azureadpim", "MS-PIM", "microsoft.recoveryservices")}


def test_one_log_delivery_is_denied_all_day_long() -> None:
    denied = Counter(
        stable_id(record)
        for record in attributed()
        if record["resultType"] == "Failure" and record["resultSignature"] == "Failed.Forbidden"
    )
    (delivery,) = [who for who in tenant().identities if who.role == "delivery"]
    assert denied.most_common(1)[0][0] == delivery.id
    assert denied[delivery.id] > 20 * PLAN.days


def test_people_rest_at_the_weekend() -> None:
    people = {who.id for who in tenant().identities if who.person}
    by_day = Counter(moment(record).weekday() for record in attributed() if stable_id(record) in people)
    assert by_day[5] + by_day[6] < 0.15 * sum(by_day.values())


def test_newcomers_do_nothing_before_they_come() -> None:
    first = {who.id: who.first_day for who in tenant().identities}
    late = [who for who in tenant().identities if who.first_day]
    assert late
    for record in attributed():
        came = PLAN.start + timedelta(days=first[stable_id(record)], hours=-12)
        assert moment(record) >= came


@pytest.mark.parametrize(
    "wrong",
    [
        {"identities": 5},
        {"days": 0},
        {"start": datetime(2026, 1, 5)},  # noqa: DTZ001 - a naive time is what must be refused
        {"campaigns_from": 28},
        {"policies": -1.0},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|needs"):
        TenantPlan(**wrong)


def test_the_command_writes_records_and_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, truth = tmp_path / "records.ndjson.gz", tmp_path / "truth.ndjson"
    main(f"--seed 5 --identities 20 --days 2 --campaigns 2 --out {out} --truth {truth}".split())
    lines = gzip.decompress(out.read_bytes()).splitlines()
    assert f"{len(lines)} records" in capsys.readouterr().out
    assert {"time", "operationName", "correlationId"} <= json.loads(lines[0]).keys()
    steps = [json.loads(line) for line in truth.read_text().splitlines()]
    assert {step["campaign"] for step in steps} == {"c01", "c02"}
    assert datetime.fromisoformat(steps[0]["time"]).tzinfo == UTC
    again = tmp_path / "again.ndjson.gz"
    main(f"--seed 5 --identities 20 --days 2 --campaigns 2 --out {again}".split())
    assert again.read_bytes() == out.read_bytes()
