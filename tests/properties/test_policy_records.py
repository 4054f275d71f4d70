"""What Azure Policy writes about a request changes nothing about what is found: the whole engine, as it is shipped."""

import gzip
import json
import os
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from demo.tenant import Tenant, TenantPlan
from models.detectors import Anomaly
from service.core.alerting import Alert
from service.documents import from_lines
from service.replay import Replay
from service.settings import Settings
from service.wiring import build_engine

pytestmark = pytest.mark.slow

SHARED = Path(os.environ.get("UNWONTED_SHARED") or Path(__file__).parents[3] / "shared")
HISTORIES = SHARED / "data" / "cases"
PLAN = TenantPlan(seed=9, identities=20, days=5, campaigns=4, campaigns_from=2)
EFFECTS = ("audit", "auditIfNotExists", "modify", "deployIfNotExists")

Records = list[dict[str, Any]]


class Found(NamedTuple):
    """What a replay judged and alerted, and of how many records it took no account."""

    anomalies: tuple[Anomaly, ...]
    alerts: tuple[Alert, ...]
    left_out: int


def played(records: Records) -> Found:
    anomalies: list[Anomaly] = []
    alerts: list[Alert] = []

    def refuse(reject: object, place: object) -> None:
        raise AssertionError(f"{place}: {reject}")

    player = Replay(
        build_engine(Settings()),
        every=timedelta(minutes=15),
        on_scored=anomalies.extend,
        on_alerts=alerts.extend,
        on_reject=refuse,
        on_read=lambda taken, total: None,
        order="time",
    )
    summary = player.run(from_lines("records", map(msgspec.json.encode, records)))
    return Found(tuple(anomalies), tuple(alerts), sum(summary.left_out.values()))


@cache
def tenant(policies: float) -> Records:
    return [arrival.record for arrival in Tenant(replace(PLAN, policies=policies)).records()]


@cache
def attacked() -> Found:
    return played(tenant(0.0))


def evaluated(records: Records, many: int) -> Records:
    """Follow every record of a write by so many records of policies."""
    found = []
    for record in records:
        found.append(record)
        if record["operationName"].lower().endswith("/write") and "identity" in record:
            found += [_evaluation(record, effect) for effect in EFFECTS[:many]]
    return found


def _evaluation(write: dict[str, Any], effect: str) -> dict[str, Any]:
    name = f"Microsoft.Authorization/policies/{effect}/action"
    authorization = write["identity"]["authorization"] | {"action": name}
    return write | {
        "operationName": name,
        "category": "Policy",
        "resultType": "Success",
        "identity": write["identity"] | {"authorization": authorization},
        "properties": {"eventCategory": "Policy", "message": name},
    }


@pytest.mark.parametrize("many", [1, 2, 4])
def test_an_attack_scores_the_same_with_any_number_of_policy_records_a_write(many: int) -> None:
    records = evaluated(tenant(0.0), many)
    found = played(records)

    assert len(records) > len(tenant(0.0)) * (1 + many / 4)
    assert found.left_out - attacked().left_out == len(records) - len(tenant(0.0))
    assert attacked().alerts
    assert found.anomalies == attacked().anomalies
    assert found.alerts == attacked().alerts


def test_what_a_rolled_out_policy_writes_adds_no_alert() -> None:
    without = [record for record in tenant(1.0) if record["category"] != "Policy" or "identity" not in record]
    assigned = "microsoft.authorization/policyassignments/write"
    known = {record["correlationId"] for record in tenant(0.0)}
    assert any(r["operationName"].lower() == assigned and r["correlationId"] not in known for r in without)
    assert len(without) < 0.8 * len(tenant(1.0))

    together, alone = played(tenant(1.0)), played(without)

    assert alone.alerts
    assert together.anomalies == alone.anomalies
    assert together.alerts == alone.alerts


def _history(name: str) -> Records:
    packed = (HISTORIES / f"extra_policy_company_{name}.ndjson.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


@pytest.mark.integration
@pytest.mark.shared
@pytest.mark.skipif(not HISTORIES.is_dir(), reason=f"NO RECORDED HISTORIES: {HISTORIES} is absent, set UNWONTED_SHARED")
def test_a_recorded_attack_scores_the_same_in_a_company_with_policies() -> None:
    quiet = TenantPlan(seed=71, identities=20, days=26, campaigns=0, policies=0.0)
    background = [arrival.record for arrival in Tenant(quiet).records()]

    without, together = (played(background + _history(name)) for name in ("without", "with"))

    assert together.left_out > without.left_out
    assert any(one.actor.name == "victim@contoso.example" and one.score > 15 for one in without.anomalies)
    assert _scores(together) == _scores(without)


def _scores(found: Found) -> list[tuple[str, str, str, float]]:
    return [(one.detector, one.actor.id, one.cell.action, one.score) for one in found.anomalies]
