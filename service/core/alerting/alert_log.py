"""Groups anomalies into alerts, and remembers which anomalies were part of one, so that each is told once.

A later evaluation that finds more of an identity, or of an operation that fails for many, in the same aligned window
gives the same alert a higher revision. What an alert holds is defined in `alerts`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from models.detectors import Anomaly, Detector
from models.stream import Actor, ActorKind, Bucket, display_name, fields
from service.core.alerting.alerts import Alert, Finding, alert_id, finding, operation_alert_id
from service.core.validation import understood

MOST_FINDINGS = 25
MOST_IDENTITIES = 20
GROUP_FROM = 5
"""Identities whose unusual failures of one operation in one window make one alert for the operation."""


class _Subject(NamedTuple):
    """Whom or what an alert is about."""

    key: str
    window: Bucket
    actor: Actor
    operation: str = ""
    names: Collection[str] = ()


class AlertLog:
    """Makes alerts of anomalies, so that the several evaluations that look at one window tell each anomaly once.

    Parameters
    ----------
    window
        Length of the aligned windows that an identity's findings are gathered in.
    group_from
        Identities with an unusual failure of one operation in one window from which on the operation is told, once,
        instead of each of them. What an identity was told for before stays there.
    """

    def __init__(self, window: timedelta, *, group_from: int = GROUP_FROM) -> None:
        self.window = window
        self.group_from = group_from
        self._alerts: dict[str, Alert] = {}
        self._told: dict[str, set[str]] = {}
        self._all_told: set[str] = set()
        # For whom an operation has failed unusually, told or not: names by id, an operation and window.
        self._failing: dict[tuple[datetime, str], dict[str, str]] = {}

    def __len__(self) -> int:
        return len(self._alerts)

    @property
    def alerts(self) -> list[Alert]:
        """Those that are remembered, as they were told last; the oldest window first."""
        return sorted(self._alerts.values(), key=lambda one: (one.window_start, one.found_at, one.id))

    def told(self, anomaly: Anomaly) -> bool:
        """Whether `anomaly` is part of an alert already."""
        # A replay asks this of every cell, and most tell of nothing: the id is a hash, not to be made in vain.
        return bool(self._all_told) and anomaly.id in self._all_told

    def told_of(self, day: date) -> int:
        """Return how many identities and operations have been told of in windows that began on `day`, UTC."""
        return len({alert.actor_id for alert in self._alerts.values() if alert.window_start.date() == day})

    def tell(
        self,
        anomalies: Iterable[Anomaly],
        *,
        settled: Collection[str],
        detectors: Mapping[str, Detector],
        threshold: Callable[[str, datetime], float],
        now: datetime,
    ) -> list[Alert]:
        """Return the alerts that have news in them, each identity's or operation's window once, in a stable order.

        Parameters
        ----------
        anomalies
            Everything unusual that this evaluation looks at, told before or not, in any order.
        settled
            Ids of those whose bucket has closed; the others may still change.
        detectors
            By name: their words for people, and whether all that one finds are failures.
        threshold
            From a detector's name and the start of a bucket to the threshold in force there.
        now
            The instant of the evaluation.
        """
        alerts = []
        for subject, group in self._grouped(list(anomalies), detectors):
            told = self._told.setdefault(subject.key, set())
            if all(anomaly.id in told for anomaly in group):
                continue
            told.update(anomaly.id for anomaly in group)
            self._all_told |= told
            known = self._alerts.get(subject.key)
            findings = {one.id: one for one in (known.findings if known else ())}
            for anomaly in group:
                findings[anomaly.id] = finding(
                    anomaly,
                    detectors[anomaly.detector],
                    settled=anomaly.id in settled,
                    threshold=threshold(anomaly.detector, anomaly.bucket.start),
                )
            alerts.append(self._revise(subject, list(findings.values()), now))
        return alerts

    def _grouped(
        self, anomalies: Sequence[Anomaly], detectors: Mapping[str, Detector]
    ) -> list[tuple[_Subject, list[Anomaly]]]:
        """Return what belongs together, in order of window and key: an operation's failures, or all of an identity."""
        # What a detector of something else finds counts as a failure, too, if all that was tried failed.
        failed = {one.id for one in anomalies if one.in_vain or detectors[one.detector].declaration.failures}
        for anomaly in anomalies:
            if anomaly.id in failed:
                window = Bucket.of(anomaly.bucket.start, self.window)
                failing = self._failing.setdefault((window.start, anomaly.cell.action), {})
                # The greatest of several names: it must not depend on which record came first.
                failing[anomaly.actor.id] = max(failing.get(anomaly.actor.id, ""), anomaly.actor.name)
        groups: dict[str, tuple[_Subject, list[Anomaly]]] = {}
        for anomaly in anomalies:
            subject = self._subject(anomaly, failed=anomaly.id in failed)
            groups.setdefault(subject.key, (subject, []))[1].append(anomaly)
        return sorted(groups.values(), key=lambda one: (one[0].window.start, one[0].actor.id, one[0].key))

    def _subject(self, anomaly: Anomaly, *, failed: bool) -> _Subject:
        actor, action = anomaly.actor, anomaly.cell.action
        window = Bucket.of(anomaly.bucket.start, self.window)
        own, key = alert_id(actor.id, window), operation_alert_id(action, window)
        failing = self._failing.get((window.start, action), {})
        # Where it was told it stays: an open bucket may still turn a failure into a success.
        shared = anomaly.id in self._told.get(key, ()) or (failed and len(failing) >= self.group_from)
        if anomaly.id in self._told.get(own, ()) or not shared:
            return _Subject(own, window, actor)
        many = Actor(f"operation/{action}", f"{len(failing)} identities", ActorKind.UNKNOWN)
        return _Subject(key, window, many, anomaly.cell.action_name, failing.values())

    def _revise(self, subject: _Subject, findings: list[Finding], now: datetime) -> Alert:
        findings.sort(key=lambda one: (-one.surprise, one.time, one.id))
        previous = self._alerts.get(subject.key)
        highest = max([one.score for one in findings] + [previous.score if previous else 0.0])
        names = [one.action_name for one in findings] + ([previous.operation] if previous else [])
        severities = [one.severity for one in findings] + ([previous.severity] if previous else [])
        alert = self._alerts[subject.key] = Alert(
            id=subject.key,
            revision=previous.revision + 1 if previous else 1,
            actor_id=subject.actor.id,
            actor_name=subject.actor.name,
            actor_kind=subject.actor.kind,
            window_start=subject.window.start,
            window_end=subject.window.end,
            found_at=now,
            score=highest,
            severity=max(severities, key=lambda one: one.rank),
            findings=tuple(findings[:MOST_FINDINGS]),
            omitted=max(0, len(self._told[subject.key]) - MOST_FINDINGS),
            operation=display_name(*names) if subject.operation else "",
            identities=tuple(sorted(subject.names)[:MOST_IDENTITIES]),
            identity_count=len(subject.names),
        )
        return alert

    def expire(self, oldest: datetime) -> None:
        """Forget alerts whose window ended at or before `oldest`: nothing can be added to them any more."""
        for key in [key for key, alert in self._alerts.items() if alert.window_end <= oldest]:
            del self._alerts[key], self._told[key]
        self._all_told = set().union(*self._told.values())
        for place in [place for place in self._failing if place[0] + self.window <= oldest]:
            del self._failing[place]

    def dump(self) -> list[dict[str, Any]]:
        """Plain rows for a snapshot, one an alert."""
        return [
            {"alert": alert.model_dump(mode="json"), "told": sorted(self._told[key])}
            for key, alert in sorted(self._alerts.items())
        ]

    def dump_failing(self) -> list[dict[str, Any]]:
        """Plain rows for a snapshot, one an operation and window: for whom it has failed unusually."""
        return [
            {"window_start": start.isoformat(), "action": action, "names": dict(sorted(names.items()))}
            for (start, action), names in sorted(self._failing.items())
        ]

    def load(self, rows: Iterable[Any], failing: Iterable[Any] = ()) -> None:
        """Restore what `dump` and `dump_failing` gave.

        Raises
        ------
        UnexpectedRow
            If a row has other fields.
        """
        self._alerts, self._told, self._failing = {}, {}, {}
        for row in rows:
            saved, told = fields("alert", row, "alert", "told")
            with understood("alert"):
                alert = Alert.model_validate(saved)
            self._alerts[alert.id] = alert
            self._told[alert.id] = set(told)
        self._all_told = set().union(*self._told.values())
        for row in failing:
            start, action, names = fields("failing", row, "window_start", "action", "names")
            self._failing[datetime.fromisoformat(start), action] = dict(names)
