"""Notices to render and send."""

from datetime import timedelta

from service.core.notices import GapKind, Notice
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
