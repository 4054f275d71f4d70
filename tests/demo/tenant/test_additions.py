"""What Azure's services write in the simulated tenant: as much as in a real one, and nobody else's records change."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from demo.tenant import Tenant, TenantPlan
from service.core.parsing import ActivityLogParser, LeftOut

pytestmark = pytest.mark.slow

PLAN = TenantPlan(seed=11, identities=60, days=4, campaigns=4, duplicates=0.3)
BEFORE = "75c8ca8cc95df4858f3d3113971d425dc52caad10a0b689c27cc055090088870"
PIM = "(PIM activation"

Records = list[dict[str, Any]]
Message = tuple[str, str, Records]


@cache
def messages(policies: float) -> tuple[Message, ...]:
    sent = Tenant(replace(PLAN, policies=policies)).messages()
    return tuple((f"{at}", partition, json.loads(body)["records"]) for at, partition, body in sent)


@cache
def split() -> tuple[Records, Records]:
    """Return the records of everybody, and what services add to them; a message has them in this order."""
    own: Records = []
    added: Records = []
    for number, (_, _, records) in enumerate(messages(1.0)):
        many = len(messages(0.0)[number][2]) if number < len(messages(0.0)) else 0
        own += records[:many]
        added += records[many:]
    return own, added


def evaluations() -> Records:
    return [record for record in split()[1] if record["category"] == "Policy"]


def test_without_them_a_seed_makes_the_bytes_that_it_made_before_there_were_any() -> None:
    digest = hashlib.sha256()
    for at, partition, body in Tenant(replace(PLAN, policies=0.0)).messages():
        digest.update(f"{at.isoformat()} {partition} ".encode() + body + b"\n")
    assert digest.hexdigest() == BEFORE


def test_every_other_record_comes_as_it_would_have_come_without_them() -> None:
    for (at, partition, alone), (came, where, together) in zip(messages(0.0), messages(1.0), strict=False):
        assert (came, where) == (at, partition)
        assert together[: len(alone)] == alone


@pytest.mark.parametrize("seed", [7, 24])
def test_two_fifths_of_all_records_are_theirs(seed: int) -> None:
    kinds: Counter[str] = Counter()
    for arrival in Tenant(TenantPlan(seed=seed, identities=60, days=5, campaigns=0)).records():
        name = arrival.record["operationName"].lower()
        policy = arrival.record["category"] == "Policy" and "identity" in arrival.record
        pim, backup = PIM.lower() in name, name.endswith("vaults/backup")
        kinds["policy" if policy else "pim" if pim else "backup" if backup else "other"] += 1
    assert 0.36 < 1 - kinds["other"] / kinds.total() < 0.46
    assert kinds["policy"] / kinds.total() > 0.3
    assert kinds["pim"] / kinds.total() > 0.001
    assert kinds["backup"] / kinds.total() > 0.01


def test_an_evaluation_shares_correlation_caller_and_claims_with_its_write() -> None:
    writes = {
        record["correlationId"]: record
        for record in [*split()[0], *split()[1]]
        if "identity" in record and record["category"] != "Policy"
    }
    assert {record["operationName"].lower().split("/")[2] for record in evaluations()} == {
        *("audit", "auditifnotexists", "deny", "deployifnotexists", "modify")
    }
    for record in evaluations():
        write = writes[record["correlationId"]]
        assert write["operationName"].lower().endswith("/write")
        assert record["identity"]["claims"] == write["identity"]["claims"]
        assert record["callerIpAddress"].split(":")[0] == write["callerIpAddress"].split(":")[0]
    several = Counter(record["correlationId"] for record in evaluations())
    assert max(several.values()) > 4


def test_a_record_exported_twice_is_evaluated_alike() -> None:
    counts = Counter(json.dumps(record) for record in evaluations())
    assert max(counts.values()) == 2


def test_a_roll_out_is_assigned_by_an_administrator_and_about_every_later_write_of_its_subscription() -> None:
    plan = TenantPlan(seed=3, identities=40, days=8, campaigns=0)
    records = [arrival.record for arrival in Tenant(plan).records()]
    without = {arrival.record["correlationId"] for arrival in Tenant(replace(plan, policies=0.0)).records()}
    [assignment] = {
        record["correlationId"]: record
        for record in records
        if record["operationName"].lower() == "microsoft.authorization/policyassignments/write"
        and record["correlationId"] not in without
    }.values()
    subscription = assignment["resourceId"].lower().split("/")[2]
    after = [
        record
        for record in records
        if record["time"] > assignment["time"] and subscription in record["resourceId"].lower()
    ]
    written = {
        record["correlationId"]
        for record in after
        if record["operationName"].lower().endswith("/write")
        and record["category"] in {"Administrative", "Write"}
        and record["resultType"] == "Start"
    }
    evaluated = {record["correlationId"] for record in after if record["category"] == "Policy"}
    assert written
    assert written <= evaluated


def test_the_parser_leaves_the_evaluations_out_and_gives_activations_to_who_asked() -> None:
    own, added = split()
    alone, together = (ActivityLogParser().parse(json.dumps({"records": r}).encode()) for r in (own, own + added))
    assert not together.rejects
    assert together.left_out[LeftOut.POLICY_EVALUATION] == len(evaluations()) + alone.left_out.get(
        LeftOut.POLICY_EVALUATION, 0
    )
    people = {event.actor for event in alone.events}
    asked = [event for event in together.events if PIM + ")" in event.action_name]
    assert asked
    assert {event.actor for event in asked} <= people
