"""The demo's one scripted fault: the hub withholds a partition until the service has said that it is blind there.

Decides when it begins and ends and whether the notices came; what a notice looks like is `demo.show`'s.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from demo.hub import EmbeddedHub
from demo.options import Options
from demo.receiver import Received
from service.core.ports import Clock

NOTICED = 3.0
"""Real seconds without input after which the demo's service says so: hours of its calendar."""
NEEDED = 7.0
"""Real seconds that the fault, its notice and the one of its end take; a demo with less has no fault."""
AT_MOST = 10.0
_REFERENCE = re.compile(r"\bNotice ([0-9a-f]{16})\b")


class Noticed(NamedTuple):
    """One notice, as a receiver of the generic webhook reads it."""

    id: str
    stage: str
    kind: str
    partitions: tuple[str, ...]
    heading: str
    may_alerts_still_come: bool
    late_records: int
    found_at: datetime


def is_notice(event: object) -> bool:
    """Whether a CloudEvent is a notice and no alert."""
    return isinstance(event, dict) and str(event.get("type", "")).startswith("unwonted.blindness.")


def read_notice(event: Mapping[str, Any]) -> Noticed:
    """Read a notice from its CloudEvent; KeyError or ValueError if it is none."""
    data = event["data"]
    return Noticed(
        id=event["subject"],
        stage=event["type"].rpartition(".")[2],
        kind=data["kind"],
        partitions=tuple(data["partitions"]),
        heading=data["message"],
        may_alerts_still_come=data["may_alerts_still_come"],
        late_records=data["late_records"],
        found_at=datetime.fromisoformat(event["time"]),
    )


def patience(rate: float) -> timedelta:
    """Return what `NOTICED` is on a calendar that runs so fast, in whole minutes.

    >>> patience(900.0)
    datetime.timedelta(seconds=2700)
    """
    return timedelta(minutes=max(1, round(NOTICED * rate / 60)))


def planned(options: Options, begins: datetime, ends: datetime, rate: float) -> datetime | None:
    """Return when the fault shall begin: in the first night if there are two; None if the demo is too short for it."""
    start = begins + timedelta(hours=20 if options.live > 1 else 3)
    return start if (ends - start).total_seconds() / rate >= NEEDED else None


class Blackout:
    """The fault, from before it to after it; `step` it several times a second.

    Parameters
    ----------
    start
        When to begin; None for never.
    partition
        What to withhold.
    """

    def __init__(self, hub: EmbeddedHub, clock: Clock, start: datetime | None, partition: str = "0") -> None:
        self._hub = hub
        self._clock = clock
        self._start = start
        self._partition = partition
        self._began: float | None = None
        self._released = False
        self._notices: list[Noticed] = []

    @property
    def over(self) -> bool:
        """Whether nothing more is to come of it."""
        return self._start is None or "closed" in self._stages()

    def step(self, news: Iterable[Noticed]) -> str | None:
        """Take note of the notices that came since, and begin or end what is due; say what was begun or ended."""
        self._notices += news
        if self._start is None or self._released:
            return None
        if self._began is None:
            if self._clock.now() < self._start:
                return None
            self._began = self._clock.elapsed()
            self._hub.withhold(self._partition)
            return (
                f"the hub withholds partition {self._partition} for some seconds, to show what the service says of that"
            )
        if "opened" in self._stages() or self._clock.elapsed() - self._began > AT_MOST:
            self._released = True
            self._hub.release()
            return f"the hub gives partition {self._partition} back"
        return None

    def verdict(self, received: Iterable[Received]) -> tuple[bool, str] | None:
        """Say whether its notices came everywhere; None if there was no fault."""
        if self._start is None:
            return None
        cards = [set(_REFERENCE.findall(json.dumps(entry.payload))) for entry in received if entry.kind != "webhook"]
        ids = {notice.id for notice in self._mine() if notice.stage == "closed"}
        everywhere = any(sum(id_ in card for card in cards) >= 4 for id_ in ids)
        return everywhere, (
            f"partition {self._partition} was withheld: a notice said that the service is blind there, and one that it "
            "sees again"
        )

    def _mine(self) -> list[Noticed]:
        return [notice for notice in self._notices if self._began is not None and self._partition in notice.partitions]

    def _stages(self) -> set[str]:
        return {notice.stage for notice in self._mine()}
