"""A history as `unwonted replay` writes it, of a small tenant under attack."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from demo.tenant import Tenant, TenantPlan
from service.documents.places import from_lines
from service.history import HistoryEntry, HistoryFile, HistoryLimits
from service.replay.replay import Replay
from service.settings.root import Settings
from service.wiring import build_engine

PLAN = TenantPlan(seed=3, identities=25, days=16, campaigns=4, campaigns_from=12)


def play(path: Path) -> datetime:
    """Write the history; returns when it ends."""
    file = HistoryFile(path, HistoryLimits())

    def keep(entries: Sequence[HistoryEntry]) -> None:
        file.write(entries)

    driver = Replay(
        build_engine(Settings()),
        every=timedelta(minutes=15),
        on_scored=lambda scored: None,
        on_alerts=keep,
        on_reject=lambda reject, place: None,
        on_read=lambda taken, total: None,
        on_closed=keep,
    )
    encode = msgspec.json.Encoder().encode
    driver.run(from_lines("tenant", [encode(one.record) for one in Tenant(PLAN).records()]))
    file.close()
    return PLAN.end
