"""Watches what becomes of records, and says of each expectation whether it held, or why it did not.

It is told what was judged and what was alerted; whoever drives the engine does that.
"""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from models.detectors import Anomaly
from models.statistics import Severity
from models.stream import Actor, Bucket, Cell, fits_pattern, names_of
from service.core.alerting import Alert, Finding
from service.core.engine import ClosedBucket
from service.expectations.models import Expectation
from service.expectations.results import CheckedExpectation

_MOST_NAMES = 10_000
"""Names and operations that are remembered to say which was probably meant."""


class _Seen(NamedTuple):
    """What a detector said of something that an expectation is about."""

    detector: str
    score: float
    severity: Severity
    why: str

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"{self.detector} scored {self.score:.1f} ({self.severity}){why}"


class Checks:
    """Holds expectations against what happens.

    Parameters
    ----------
    expected
        In the order in which they are to be answered.
    """

    def __init__(self, expected: Sequence[Expectation]) -> None:
        self._checks = [_Check(one) for one in expected]
        self._names: dict[str, None] = {}

    def closed(self, buckets: Iterable[ClosedBucket]) -> None:
        """Take in what was done in buckets that are complete, and what was said of it."""
        for bucket in buckets:
            for judgement in bucket.judgements:
                actor, hour, cells = judgement.seen
                if len(self._names) < _MOST_NAMES:
                    self._names[actor.name] = None
                said = [one for found in judgement.anomalies.values() for one in found]
                for check in self._checks:
                    if not check.is_of(actor):
                        continue
                    for cell in cells:
                        check.happened(hour, cell)
                    for anomaly in said:
                        check.judged(anomaly)

    def alerted(self, alerts: Iterable[Alert]) -> None:
        """Take in what was told."""
        for alert in alerts:
            for finding in alert.findings:
                for check in self._checks:
                    check.told(finding, alert)

    def evaluated(self, is_told: Callable[[Anomaly], bool]) -> None:
        """Look, after an evaluation, for what an alert tells of by its number alone."""
        for check in self._checks:
            check.look_for_omitted(is_told)

    def results(self) -> tuple[CheckedExpectation, ...]:
        """Return whether each held; to be asked at the end."""
        return tuple(CheckedExpectation(check.wanted.title, check.failure(self._names)) for check in self._checks)


class _Check:
    """One expectation, and what it has seen so far."""

    def __init__(self, wanted: Expectation) -> None:
        self.wanted = wanted
        self._identity = wanted.identity.casefold()
        self._known = False
        self._done = False
        self._highest: _Seen | None = None
        self._loudest: _Seen | None = None
        self._missing = list(wanted.mentions or ())
        self._untold: dict[str, Anomaly] = {}
        self._operations: dict[str, None] = {}

    def is_of(self, actor: Actor) -> bool:
        return self._identity in names_of(actor) or actor.name.casefold().startswith(f"{self._identity}@")

    def happened(self, hour: Bucket, cell: Cell) -> None:
        self._known = True
        if len(self._operations) < _MOST_NAMES:
            self._operations[cell.action_name] = None
        self._done = self._done or self._fits(hour, cell.action, cell.addresses)

    def judged(self, anomaly: Anomaly) -> None:
        by = self.wanted.detector
        if by not in {None, anomaly.detector} or not self._fits(
            anomaly.bucket, anomaly.cell.action, anomaly.cell.addresses
        ):
            return
        seen = _Seen(anomaly.detector, anomaly.score, anomaly.severity, anomaly.why)
        if self._highest is None or seen.score > self._highest.score:
            self._highest = seen
        self._read(anomaly.why)
        if self.wanted.alerts is not None and anomaly.why:
            self._untold[anomaly.id] = anomaly

    def told(self, finding: Finding, alert: Alert) -> None:
        actor = Actor(
            finding.actor_id or alert.actor_id,
            finding.actor_name or alert.actor_name,
            finding.actor_kind if finding.actor_id else alert.actor_kind,
        )
        hour = Bucket(finding.bucket_start, finding.bucket_end - finding.bucket_start)
        if self.wanted.detector not in {None, finding.detector} or not self.is_of(actor):
            return
        if self._fits(hour, finding.action, finding.addresses):
            self._alerted(_Seen(finding.detector, finding.score, finding.severity, finding.why))
            self._read(finding.why)

    def look_for_omitted(self, is_told: Callable[[Anomaly], bool]) -> None:
        for id_, one in list(self._untold.items()):
            if is_told(one):
                del self._untold[id_]
                self._alerted(_Seen(one.detector, one.score, one.severity, one.why))

    def failure(self, names: Iterable[str]) -> str:
        """Say why it did not hold; nothing if it did."""
        if not self._done:
            return self._nothing_done(names)
        wanted, wrong = self.wanted, []
        if wanted.alerts is False and self._loudest:
            wrong.append(f"it alerted: {self._loudest}")
        elif wanted.alerts is not None and wanted.alerts is not False:
            wrong += self._too_quiet(wanted.alerts)
        score = self._highest.score if self._highest else 0.0
        if wanted.score_at_least is not None and score < wanted.score_at_least:
            wrong.append(f"the highest score is {score:.1f}; {self._said()}")
        if wanted.score_below is not None and score >= wanted.score_below:
            wrong.append(self._said())
        if self._missing:
            wrong.append(f"no explanation mentions {' or '.join(map(repr, self._missing))}; {self._said()}")
        return "; ".join(wrong)

    def _too_quiet(self, least: Severity | bool) -> list[str]:
        if self._loudest is None:
            return [f"it did not alert; {self._said()}"]
        if isinstance(least, Severity) and self._loudest.severity.rank < least.rank:
            return [f"it alerted, but less loudly: {self._loudest}"]
        return []

    def _nothing_done(self, names: Iterable[str]) -> str:
        if not self._known:
            near = get_close_matches(self.wanted.identity, list(names))
            return "nobody of that name did anything" + (f"; near: {', '.join(near)}" if near else "")
        if not any(fits_pattern(self.wanted.operation, one.casefold()) for one in self._operations):
            folded = {one.casefold(): one for one in self._operations}
            near = [folded[one] for one in get_close_matches(self.wanted.operation.casefold(), folded)]
            return "it never did that" + (f"; near: {', '.join(near)}" if near else "")
        return "it did that, but not then" + (" or not from there" if self.wanted.address else "")

    def _said(self) -> str:
        return str(self._highest) if self._highest else f"{self.wanted.detector or 'no detector'} had nothing to say"

    def _fits(self, hour: Bucket, action: str, addresses: Sequence[str]) -> bool:
        wanted = self.wanted
        return (
            (wanted.at is None or hour.start <= wanted.at < hour.end)
            and (wanted.address is None or wanted.address in addresses)
            and fits_pattern(wanted.operation, action)
        )

    def _alerted(self, seen: _Seen) -> None:
        loudest = self._loudest
        if loudest is None or (seen.severity.rank, seen.score) > (loudest.severity.rank, loudest.score):
            self._loudest = seen

    def _read(self, why: str) -> None:
        folded = why.casefold()
        self._missing = [text for text in self._missing if text.casefold() not in folded]
