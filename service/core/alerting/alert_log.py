"""Groups anomalies into alerts, and remembers which anomalies were part of one, so that each is told once.

A later evaluation that finds more of an identity, of an operation that fails for many, or of a roll-out, in the same
aligned window gives the same alert a higher revision. What an alert holds is defined in `alerts`, what a roll-out is in
`rollouts`, what joins identities in `shared_campaigns`: such an alert is told beside those of the identities that it
quotes.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from models.detectors import Anomaly, Detector
from models.stream import Actor, ActorKind, Bucket, fields
from service.core.alerting.alerts import (
    Alert,
    AlertKind,
    Finding,
    alert_id,
    finding,
    operation_alert_id,
    rollout_alert_id,
)
from service.core.alerting.open_alerts import IsAttack, IsClosed, OpenAlerts, never_attack, never_closed
from service.core.alerting.revisions import Subject, began_on, campaign_alert, revised, updated
from service.core.alerting.rollouts import ROLLOUT_DAYS, ROLLOUT_FROM, Rollouts
from service.core.alerting.shared_campaigns import SharedCampaigns
from service.core.alerting.traces import strange_networks
from service.core.incidents import place_in_incident
from service.core.validation import understood

GROUP_FROM = 5
"""Identities whose unusual failures of one operation in one window make one alert for the operation."""

GOES_ON = "It goes on; it was told of when it was new."
"""Why something is told that has become usual."""
_ROLLOUT = "rollout/"


class AlertLog:
    """Makes alerts of anomalies, so that the several evaluations that look at one window tell each anomaly once.

    Parameters
    ----------
    window
        Length of the aligned windows that an identity's findings are gathered in.
    group_from
        Identities with an unusual failure of one operation in one window from which on the operation is told, once,
        instead of each of them. What an identity was told for before stays there.
    rollout_from
        Identities that take up an operation within a week from which on the roll-out is told, in aligned windows of a
        week, instead of each who comes later.
    """

    def __init__(self, window: timedelta, *, group_from: int = GROUP_FROM, rollout_from: int = ROLLOUT_FROM) -> None:
        self.window = window
        self.group_from = group_from
        self.rollouts = Rollouts(window, rollout_from)
        self.campaigns = SharedCampaigns()
        self.open = OpenAlerts()
        self._alerts: dict[str, Alert] = {}
        self._told: dict[str, set[str]] = {}
        self._home: dict[str, str] = {}  # the alert that each anomaly is told in
        # For whom an operation has failed unusually, told or not: names by id, an operation and window.
        self._failing: dict[tuple[datetime, str], dict[str, str]] = {}

    def __len__(self) -> int:
        return len(self._alerts)

    @property
    def alerts(self) -> list[Alert]:
        """Those that are remembered, as they were told last; the oldest window first."""
        return sorted(self._alerts.values(), key=lambda one: (one.window_start, one.found_at, one.id))

    def remembered(self, wanted: str) -> Alert | None:
        """Return an alert as it was told last; None if nothing can be added to it any more."""
        return self._alerts.get(wanted)

    def told(self, anomaly: Anomaly) -> bool:
        """Whether `anomaly` is part of an alert already."""
        # A replay asks this of every cell, and most tell of nothing: the id is a hash, not to be made in vain.
        return bool(self._home) and anomaly.id in self._home

    def told_of(self, day: date) -> int:
        """Return how many identities and operations have been told of in windows that began on `day`, UTC.

        A roll-out counts on each day of what it shows, a campaign not at all: its identities do.
        """
        return len({alert.actor_id for alert in self._alerts.values() if began_on(alert, day)})

    def tell(
        self,
        anomalies: Iterable[Anomaly],
        *,
        settled: Collection[str],
        detectors: Mapping[str, Detector],
        threshold: Callable[[str, datetime], float],
        now: datetime,
        usual: Iterable[Anomaly] = (),
        is_closed: IsClosed = never_closed,
        is_attack: IsAttack = never_attack,
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
        usual
            What is no longer unusual, but of which an open alert has to know.
        is_closed
            Whether somebody closed the alert that has been open for what an anomaly repeats.
        is_attack
            Whether somebody found that an alert is an attack: that it goes on is news, usual or not.
        """

        def made(anomaly: Anomaly) -> Finding:
            limit = threshold(anomaly.detector, anomaly.bucket.start)
            return finding(anomaly, detectors[anomaly.detector], settled=anomaly.id in settled, threshold=limit)

        alerts, anomalies, usual = list[Alert](), list(anomalies), list(usual)
        still_unusual = {one.id for one in anomalies}
        newly_told: list[tuple[Anomaly, Finding]] = []
        for subject, group in self._placed(self._grouped(anomalies, detectors), usual, detectors, is_closed):
            if subject.goes_on:
                is_news = is_attack(subject.key) or not still_unusual.isdisjoint(one.id for one in group)
                alerts += self._update(subject.key, group, made, now, news=is_news)
                continue
            told = self._told.setdefault(subject.key, set())
            if all(anomaly.id in told for anomaly in group):
                continue
            news = [anomaly for anomaly in group if anomaly.id not in told]
            told.update(anomaly.id for anomaly in group)
            self._home.update((anomaly.id, subject.key) for anomaly in group)
            known = self._alerts.get(subject.key)
            findings = {one.id: one for one in (known.findings if known else ())}
            findings.update((anomaly.id, made(anomaly)) for anomaly in group)
            if subject.is_identity:
                for anomaly in news:
                    self.open.note(anomaly, subject.key)
            # What many do or suffer is joined already; but not by a network that is strange to them.
            alone = [one for one in news if subject.is_identity or (subject.rollout and strange_networks(one))]
            newly_told += [(anomaly, findings[anomaly.id]) for anomaly in alone]
            alert = self._alerts[subject.key] = revised(
                subject, list(findings.values()), known, told=len(told), now=now
            )
            if alert.revision > (known.revision if known else 0):
                alerts.append(alert)
        for campaign in self.campaigns.note(newly_told):
            told_before = self._alerts.get(campaign.id)
            alert = campaign_alert(campaign, told_before, now)
            self._alerts[campaign.id] = alert
            self._told.setdefault(campaign.id, set())
            if told_before is None or alert.revision > told_before.revision:
                alerts.append(alert)
        return self._with_places(alerts)

    def _with_places(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Return alerts as they are told: each with its place in its incident, which is not remembered."""
        told = list(alerts)
        remembered: dict[str, list[Alert]] = {one.subject: [] for one in told}
        for known in self._alerts.values() if told else ():
            if known.subject in remembered:
                remembered[known.subject].append(known)
        found = []
        for one in told:
            incident, number = place_in_incident(one, remembered[one.subject])
            found.append(one.model_copy(update={"incident": incident, "incident_place": number}) if number > 1 else one)
        return found

    def _placed(
        self,
        groups: Iterable[tuple[Subject, list[Anomaly]]],
        usual: Iterable[Anomaly],
        detectors: Mapping[str, Detector],
        is_closed: IsClosed,
    ) -> Iterator[tuple[Subject, list[Anomaly]]]:
        """Yield groups as they are told, one after the other: what only goes on is told in the alert that is open."""
        for subject, group in groups:
            always = any(detectors[one.detector].declaration.always for one in group)
            places = {one.id: self.open.where(one, is_closed) for one in group}
            if not subject.is_identity or subject.key in self._alerts or always or None in places.values():
                yield subject, group
            else:
                yield from self._going_on(group, is_closed)
        yield from self._going_on([one for one in usual if one.id not in self._home], is_closed)

    def _going_on(self, anomalies: Iterable[Anomaly], is_closed: IsClosed) -> Iterator[tuple[Subject, list[Anomaly]]]:
        by_place: dict[str, list[Anomaly]] = {}
        for one in anomalies:
            place = self.open.where(one, is_closed)
            if place is not None:
                by_place.setdefault(place, []).append(one)
        for place, several in sorted(by_place.items()):
            window = Bucket.of(several[0].bucket.start, self.window)
            yield Subject(place, window, several[0].actor, goes_on=True), several

    def _update(
        self,
        key: str,
        anomalies: Iterable[Anomaly],
        made: Callable[[Anomaly], Finding],
        now: datetime,
        *,
        news: bool,
    ) -> list[Alert]:
        """Return an open alert if it has to be told again."""
        found, days = [], 0
        for anomaly in sorted(anomalies, key=lambda one: (one.bucket.start, one.id)):
            if anomaly.id not in self._home:
                self._home[anomaly.id] = key
                days = max(days, self.open.update(anomaly, key))
                one = made(anomaly)
                found.append(one if one.why else one.model_copy(update={"why": GOES_ON}))
        if not found:
            return []
        known = self._alerts[key]
        alert = self._alerts[key] = updated(known, found, days, now, news=news)
        return [alert] if alert.revision > known.revision else []

    def _grouped(
        self, anomalies: Sequence[Anomaly], detectors: Mapping[str, Detector]
    ) -> list[tuple[Subject, list[Anomaly]]]:
        """Return what belongs together, in order of window and key: an operation's failures, or all of an identity."""
        # What a detector of something else finds counts as a failure, too, if all that was tried failed.
        failed = {one.id for one in anomalies if one.in_vain or detectors[one.detector].declaration.failures}
        for anomaly in anomalies:
            if anomaly.id in failed:
                window = Bucket.of(anomaly.bucket.start, self.window)
                failing = self._failing.setdefault((window.start, anomaly.cell.action), {})
                # The greatest of several names: it must not depend on which record came first.
                failing[anomaly.actor.id] = max(failing.get(anomaly.actor.id, ""), anomaly.actor.name)
        # What somebody asked to be told every time is told of everybody.
        many = {one.id for one in anomalies if not detectors[one.detector].declaration.always} - failed
        self.rollouts.note(one for one in anomalies if one.id in many)
        groups: dict[str, tuple[Subject, list[Anomaly]]] = {}
        for anomaly in anomalies:
            subject = self._subject(anomaly, failed=anomaly.id in failed, many=anomaly.id in many)
            if subject.goes_on:  # and was told of that
                continue
            groups.setdefault(subject.key, (subject, []))[1].append(anomaly)
        return sorted(groups.values(), key=lambda one: (one[0].window.start, one[0].actor.id, one[0].key))

    def _subject(self, anomaly: Anomaly, *, failed: bool, many: bool) -> Subject:
        """Return what `anomaly` is told under: where it was, it stays, although a failure may yet become a success."""
        actor, action, home = anomaly.actor, anomaly.cell.action, self._home.get(anomaly.id)
        window = Bucket.of(anomaly.bucket.start, self.window)
        failing, key = self._failing.get((window.start, action), {}), operation_alert_id(action, window)
        if home == key or (home is None and failed and len(failing) >= self.group_from):
            who = Actor(f"operation/{action}", f"{len(failing)} identities", ActorKind.UNKNOWN)
            return Subject(key, window, who, anomaly.cell.action_name, failing.values())
        leader = None
        if home is None and many:
            leader = self.rollouts.leader(anomaly)
        elif home is not None and self._alerts[home].kind is AlertKind.ROLLOUT:
            leader = self._alerts[home].actor_id.removeprefix(_ROLLOUT)
        if leader is None:
            own = alert_id(actor.id, window)
            if home not in {None, own}:
                return Subject(home, window, actor, goes_on=True)
            return Subject(own, window, actor)
        week, names = (
            Bucket.of(anomaly.bucket.start, ROLLOUT_DAYS),
            self.rollouts.names(leader) or {actor.id: actor.name},
        )
        who = Actor(f"{_ROLLOUT}{leader}", f"{len(names)} identities", ActorKind.UNKNOWN)
        return Subject(rollout_alert_id(leader, week), week, who, names=names.values(), rollout=True)

    def expire(self, oldest: datetime) -> None:
        """Forget alerts whose window ended at or before `oldest`: nothing can be added to them any more."""
        self.campaigns.expire(oldest)
        self.open.expire(oldest)
        kept = self.campaigns.known | self.open.alerts
        for key in [key for key, alert in self._alerts.items() if alert.window_end <= oldest and key not in kept]:
            del self._alerts[key], self._told[key]
        self._home = self._homes()
        self.rollouts.expire(oldest)
        for place in [place for place in self._failing if place[0] + self.window <= oldest]:
            del self._failing[place]

    def _homes(self) -> dict[str, str]:
        return {told: key for key, several in self._told.items() for told in several} | dict(self.open.homes())

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

    def load(
        self,
        rows: Iterable[Any],
        failing: Iterable[Any] = (),
        rollouts: Iterable[Any] = (),
        campaigns: Iterable[Any] = (),
        going_on: Iterable[Any] = (),
    ) -> None:
        """Restore what `dump`, `dump_failing` and the dumps of `rollouts`, `campaigns` and `open` gave.

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
        self.open.load(going_on)
        self._home = self._homes()
        for row in failing:
            start, action, names = fields("failing", row, "window_start", "action", "names")
            self._failing[datetime.fromisoformat(start), action] = dict(names)
        self.rollouts.load(rollouts)
        self.campaigns.load(campaigns)
