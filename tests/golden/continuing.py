"""Goes on from a snapshot: the steps of a file, one after the other, and what comes of each.

Everything that a snapshot holds takes part: all detectors, suppressions, a budget, alerts, messages that wait, and a
partition from which nothing is heard.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from models.detectors.anomalies import Anomaly
from models.detectors.options import takes
from models.detectors.registry import DETECTORS, build
from models.statistics.location_rarity import Place
from service.core.alerting.suppressions import Suppression, Suppressions
from service.core.coverage.gaps import GapLimits
from service.core.coverage.monitor import CoverageMonitor
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.messages import EndOffset, Message
from service.core.notices import Notice
from service.core.outbox import Outbox
from service.core.parsing.parser import ActivityLogParser
from service.core.ports import Receipt, Rendered

NEVER, FOR_EVER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
ANNOUNCED = Suppressions(
    [
        Suppression("", "microsoft.s*", "", "", NEVER, FOR_EVER, "roll-out", "ops", learn=True),
        Suppression("", "microsoft.n*", "", "", NEVER, FOR_EVER, "maintenance", "ops", learn=False),
        Suppression("", "", "", "failure_spike", NEVER, FOR_EVER, "a scanner", "ops", learn=True),
    ]
)
KNOWN = (
    "rare_action",
    "rare_failure",
    "failure_spike",
    "new_network",
    "dormant",
    "unusual_country",
    "unusual_city",
)
"""Detectors that there were when the snapshots were written: a new one changes nothing in what these find."""

FROM_OTHERS = {"incident", "incident_place"}
"""What is told of an alert that follows from the other alerts."""

Step = dict[str, Any]


def locate(address: str) -> Place | None:
    """Return one of a few cities, by the number that an address begins with."""
    first, _, rest = address.partition(".")
    if not rest or not first.isdigit():
        return None
    country = int(first) % 4 + (int(rest.partition(".")[0]) % 3 == 0)
    return Place(f"C{country}", f"Country {country}", f"City {int(first) % 7}", 10.0 * country, float(int(first) % 90))


def new_engine() -> Engine:
    given = {"locate": locate, "looks": 5.0}
    detectors = [
        build(name, **{key: value for key, value in given.items() if takes(DETECTORS[name], key)}) for name in KNOWN
    ]
    options = Options(thresholds=dict.fromkeys(KNOWN, 25.0), alerts_per_day=8.0, group_failures_from=2)
    engine = Engine(options, detectors)
    engine.expect(["0", "1"])
    engine.suppress(ANNOUNCED)
    return engine


class Continued:
    """Engine, outbox and coverage gaps, as the service has them, driven by steps."""

    def __init__(self) -> None:
        self.engine = new_engine()
        self.outbox = Outbox()
        self.coverage = CoverageMonitor(GapLimits(after=timedelta(hours=3)))
        self._parser = ActivityLogParser()

    def load(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Restore everything, as the service does."""
        rows = list(rows)
        self.engine.load(rows)
        for section, row in rows:
            if section == "outbox":
                self.outbox.load(row)
            elif section == "coverage":
                self.coverage.load(row)

    def dump(self) -> Iterator[tuple[str, Any]]:
        """Yield what the service would save."""
        yield from self.engine.dump()
        yield "outbox", self.outbox.dump()
        yield "coverage", self.coverage.dump()

    def take(self, step: Step) -> dict[str, Any]:
        """Do what a step says: a life that begins, a message, or a tick; return what came of it, as plain data."""
        if "begin" in step:
            self.coverage.begin(self.engine.positions, _time(step["begin"]))
            return {}
        if "message" in step:
            return self._read(step["message"])
        return self._tick(step["tick"])

    def _read(self, given: Step) -> dict[str, Any]:
        body, enqueued = given["body"].encode(), _time(given["enqueued_time"])
        number = given["sequence_number"]
        message = Message(given["partition"], number, str(number), enqueued, body)
        events = self._parser.parse(body).events
        applied = self.engine.apply(message, events)
        newest = max((event.time for event in events), default=None)
        self.coverage.note_message(message, records=len(events), newest=newest, now=enqueued)
        return {
            "seen": {str(result): count for result, count in applied.results.items() if count},
            "anomalies": [self._plain(anomaly) for anomaly in applied.scored],
        }

    def _tick(self, given: Step) -> dict[str, Any]:
        now = _time(given["now"])
        scored: list[Anomaly] = []
        for partition, last in given["ends"].items():
            scored += self.engine.idle(partition, last, now)
            self.coverage.note_end_offset(EndOffset(partition, last, now, now))
        if "expired" in given:
            self.coverage.note_expired(given["expired"]["partition"], given["expired"]["last"], now)
        evaluation = self.engine.evaluate(now)
        notices = self.coverage.check(now)
        for alert in evaluation.alerts:
            body = f"{alert.id} é".encode() if alert.revision == 1 else b"\xff" + alert.id.encode()
            message = Rendered(f"{alert.id}.{alert.revision}", ((alert.id, alert.revision),), body, "text/plain")
            for sink in ("soc", "oncall"):
                self.outbox.enqueue(sink, message, now)
        self.outbox.confirm()
        return {
            "anomalies": [self._plain(anomaly) for anomaly in scored],
            "alerts": [alert.model_dump(mode="json", exclude=FROM_OTHERS) for alert in evaluation.alerts],
            "suppressed": [[one.id, one.suppression, one.score, one.why] for one in evaluation.suppressed],
            "thresholds": dict(evaluation.thresholds),
            "notices": [_told(notice) for notice in notices],
            "sent": self._send(now),
            "waiting": {sink: self.outbox.waiting(sink) for sink in ("soc", "oncall")},
        }

    def _send(self, now: datetime) -> list[str]:
        """Try what is due: one sink takes every message but each third, the other has a broken address."""
        tried = []
        for sink, answer in (("soc", Receipt("sent", "")), ("oncall", Receipt("broken", "gone"))):
            for message in self.outbox.due(sink, now):
                tried.append(f"{sink} {message.id} {message.body!r}")
                slow = answer.outcome == "sent" and int(message.id[:8], 16) % 3 == 0
                receipt = Receipt("retry", "slow", 1800.0) if slow else answer
                self.outbox.record(sink, message.id, receipt, now, 0.5)
            self.outbox.expire(sink, now)
        return tried

    def _plain(self, anomaly: Anomaly) -> dict[str, Any]:
        """Return an anomaly with the sentence that it had in format 1, by the threshold that a detector comes with."""
        cell, evidence = anomaly.cell, dict(anomaly.evidence)
        changes = evidence.pop("changes", None)
        if isinstance(changes, dict):
            detector = self.engine.detectors[anomaly.detector]
            evidence["counterfactual"] = detector.counterfactual(changes, detector.declaration.threshold)
        return {
            "id": anomaly.id,
            "of": f"{anomaly.detector} {anomaly.actor.id} {anomaly.cell.action} {anomaly.bucket.start.isoformat()}",
            "counts": [cell.attempts, cell.successes, cell.failures, cell.denials, cell.late],
            "score": anomaly.score,
            "surprise": anomaly.surprise,
            "alone": anomaly.alone,
            "why": anomaly.why,
            "evidence": evidence,
        }


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _told(notice: Notice) -> dict[str, Any]:
    told = notice.model_dump(mode="json")
    whose = told.pop("subscriptions")
    return {**told, "subscriptions": whose} if whose else told  # older versions could not tell whose events are late
