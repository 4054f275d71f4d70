"""Notices to render and send."""

from datetime import timedelta
from itertools import islice

from models.statistics.scoring import Severity
from service.core.notices import GapKind, Notice
from service.core.verdicts.follow_up import VerdictNotice
from service.core.verdicts.verdict import VerdictKind
from tests.fakes.clock import MONDAY_MORNING


def notice(number: int = 1, **changes: object) -> Notice:
    """An ordinary notice: one partition has been silent for a while; `number` tells it from others."""
    return Notice.model_validate({
        "id": f"b11d{number:012x}",
        "revision": 1,
        "kind": GapKind.SILENT,
        "stage": "opened",
        "since": MONDAY_MORNING,
        "until": None,
        "partitions": ("3",),
        "may_alerts_still_come": True,
        "late_records": 0,
        "unjudged_records": 0,
        "lost_messages": 0,
        "found_at": MONDAY_MORNING + timedelta(minutes=15),
        **changes,
    })  # fmt: skip


def verdict_notice(kind: VerdictKind = VerdictKind.BENIGN, **changes: object) -> VerdictNotice:
    """An ordinary verdict on the first of the ordinary alerts."""
    return VerdictNotice.model_validate({
        "id": "fee1600d00000001",
        "alert": "a1e2700000000001",
        "severity": Severity.HIGH,
        "kind": kind,
        "for_kind": False,
        "actor_id": "9f1c0000-0000-4000-8000-000000000001/0b1f6471-aaaa-4bbb-8ccc-000000000001",
        "actor_name": "alice@contoso.com",
        "actions": ("Microsoft.Authorization/roleAssignments/write", "Microsoft.Compute/virtualMachines/delete"),
        "since": MONDAY_MORNING,
        "until": MONDAY_MORNING + timedelta(hours=2),
        "by": "eve@contoso.com",
        "why": "she is on call this month",
        "takes_effect": MONDAY_MORNING + timedelta(hours=1),
        "found_at": MONDAY_MORNING + timedelta(minutes=50),
        **changes,
    })  # fmt: skip


def hostile_verdict(name: str, kind: VerdictKind = VerdictKind.BENIGN) -> VerdictNotice:
    """A verdict in which everything that somebody can choose is `name`, as far as a verdict may hold it."""
    spoken = "".join(islice(filter(str.isprintable, name), 500))
    return verdict_notice(
        kind, actor_id=name, actor_name=name, actions=(name,) * 20, by=spoken[:200], why=spoken or "x"
    )
