"""Format 2 as format 3: urgency of messages, late events by subscription, and what an identity began of a campaign.

Frozen: nothing is imported that may change, and what is written here stays as it is for as long as format 2 is read.
"""

from typing import Any

_Rows = list[tuple[str, Any]]


def migrate(rows: _Rows) -> _Rows:
    """Return the rows of a snapshot of format 2 as format 3 has them.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        If they are not what format 2 was.
    """
    return [(section, _SECTIONS[section](row) if section in _SECTIONS else row) for section, row in rows]


def _outbox(row: Any) -> Any:
    queues = {
        sink: {**queue, "rows": {key: {**one, "urgency": 0.0} for key, one in queue["rows"].items()}}
        for sink, queue in row["queues"].items()
    }
    return {**row, "queues": queues}


def _coverage(row: Any) -> Any:
    arrivals = row["arrivals"]
    run = arrivals["run"]
    told = "late" in row["gaps"]["open"]
    return {**row, "arrivals": {**arrivals, "run": run and {**run, "told": told}, "subscriptions": {}}}


def _habit(row: Any) -> Any:
    inner = row["row"]
    if row["part"] != "habits" or "state" not in inner:
        return row
    return {**row, "row": {**inner, "state": {**inner["state"], "campaign": []}}}


_SECTIONS = {"outbox": _outbox, "coverage": _coverage, "identities rare_action": _habit}
