"""What an alert becomes with what was found since: the next revision, or the same one where that is no news.

What belongs to which alert is the log's work (`alert_log`).
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from math import log
from typing import NamedTuple

from models.detectors import tactic
from models.stream import Actor, ActorKind, Bucket, display_name
from service.core.alerting.alerts import Alert, AlertKind, Finding
from service.core.alerting.open_alerts import is_due
from service.core.alerting.shared_campaigns import SharedCampaign

MOST_FINDINGS = 25
MOST_IDENTITIES = 20
MOST_LINKS = 20


class Subject(NamedTuple):
    """Whom or what an alert is about."""

    key: str
    window: Bucket
    actor: Actor
    operation: str = ""
    names: Collection[str] = ()
    rollout: bool = False
    goes_on: bool = False

    @property
    def is_identity(self) -> bool:
        """Whether it is about one identity's window."""
        return not self.operation and not self.rollout and not self.goes_on


def revised(subject: Subject, findings: list[Finding], previous: Alert | None, *, told: int, now: datetime) -> Alert:
    """Return what is told of a subject after `previous`, of `told` findings in all.

    What is no news of many keeps the revision that it had.
    """
    findings.sort(key=lambda one: (-one.surprise, one.time, one.id))
    names = [one.action_name for one in findings] + ([previous.operation] if previous else [])
    severities = [one.severity for one in findings] + ([previous.severity] if previous else [])
    alert = Alert(
        id=subject.key,
        revision=previous.revision + 1 if previous else 1,
        actor_id=subject.actor.id,
        actor_name=subject.actor.name,
        actor_kind=subject.actor.kind,
        window_start=subject.window.start,
        window_end=subject.window.end,
        found_at=now,
        score=max([one.score for one in findings] + ([previous.score] if previous else [])),
        severity=max(severities, key=lambda one: one.rank),
        findings=tuple(findings[:MOST_FINDINGS]),
        omitted=max(0, told - MOST_FINDINGS),
        operation=display_name(*names) if subject.operation else "",
        identities=tuple(sorted(subject.names)[:MOST_IDENTITIES]),
        identity_count=len(subject.names),
        rollout=_written((*(previous.rollout if previous else ()), *names)) if subject.rollout else (),
    )
    return _unless_old(alert, previous) if subject.rollout else alert


def updated(known: Alert, found: Sequence[Finding], days: int, now: datetime, *, news: bool) -> Alert:
    """Return an open alert with what went on: of each detector and operation what was found first, and what last.

    It is told again when it becomes more severe, and on the 2nd, 4th, 8th and so on day if that it went on is `news`
    (it is still unusual, or an attack), or serves several tactics on that day: one alone is a duty.
    """
    told: dict[tuple[str, str, bool], Finding] = {}
    for one in (*known.findings, *found):
        first, last = (one.detector, one.action, True), (one.detector, one.action, False)
        told[first] = min(told.get(first, one), one, key=lambda each: (each.time, each.id))
        told[last] = max(told.get(last, one), one, key=lambda each: (each.time, each.id))
    findings = sorted(
        {one.id: one for one in told.values()}.values(), key=lambda one: (-one.surprise, one.time, one.id)
    )
    alert = known.model_copy(
        update={
            "revision": known.revision + 1,
            "window_end": max(known.window_end, *(one.bucket_end for one in findings)),
            "found_at": now,
            "score": max(known.score, *(one.score for one in findings)),
            "severity": max([known.severity, *(one.severity for one in findings)], key=lambda one: one.rank),
            "findings": tuple(findings[:MOST_FINDINGS]),
            "omitted": known.omitted + max(0, len(findings) - MOST_FINDINGS),
            "days": max(known.days, days),
        }
    )
    today = max(one.bucket_start.date() for one in found)
    tactics = {tactic(one.action) for one in told.values() if one.bucket_start.date() == today} - {""}
    goes_on = news or len(tactics) > 1
    if (goes_on and is_due(days)) or alert.severity.rank > known.severity.rank:
        return alert
    return alert.model_copy(update={"revision": known.revision, "found_at": known.found_at})


def campaign_alert(campaign: SharedCampaign, previous: Alert | None, now: datetime) -> Alert:
    """Return a campaign's alert: the worst of each identity first, then the rest."""
    ranked = sorted(campaign.findings, key=lambda one: (-one.surprise, one.time, one.id))
    worst = {one.actor_id: one for one in reversed(ranked)}.values()
    first = [one for one in ranked if one in worst]
    findings = [*first, *(one for one in ranked if one not in first)]
    severities = [one.severity for one in findings] + ([previous.severity] if previous else [])
    alert = Alert(
        id=campaign.id,
        revision=previous.revision + 1 if previous else 1,
        actor_id=f"campaign/{campaign.id}",
        actor_name=f"{len(campaign.names)} identities",
        actor_kind=ActorKind.UNKNOWN,
        window_start=campaign.begins,
        window_end=campaign.ends,
        found_at=now,
        score=max([one.score for one in findings] + ([previous.score] if previous else [])),
        severity=max(severities, key=lambda one: one.rank),
        findings=tuple(findings[:MOST_FINDINGS]),
        omitted=max(0, len(findings) - MOST_FINDINGS),
        identities=tuple(sorted(campaign.names.values())[:MOST_IDENTITIES]),
        identity_count=len(campaign.names),
        joined_by=campaign.joined_by[:MOST_LINKS],
    )
    return _unless_old(alert, previous)


def _unless_old(alert: Alert, previous: Alert | None) -> Alert:
    if previous is None or _is_news(alert, previous):
        return alert
    return alert.model_copy(update={"revision": previous.revision, "found_at": previous.found_at})


def began_on(alert: Alert, day: date) -> bool:
    """Whether an alert counts among those of a day."""
    if alert.kind is AlertKind.CAMPAIGN:
        return False
    if alert.kind is AlertKind.ROLLOUT:
        return any(one.bucket_start.date() == day for one in alert.findings)
    return alert.window_start.date() == day


def _written(names: Iterable[str]) -> tuple[str, ...]:
    """Return each operation once, as it is written best, in the order in which they came."""
    several: dict[str, list[str]] = {}
    for name in names:
        if name:
            several.setdefault(name.casefold(), []).append(name)
    return tuple(display_name(*same) for same in several.values())


def _is_news(alert: Alert, previous: Alert) -> bool:
    """Whether what is of many has to be told again: it is larger by half, or worse, or something else joins it."""
    larger = _step(alert.identity_count) > _step(previous.identity_count)
    joins = len(alert.rollout) > len(previous.rollout) or len(alert.joined_by) > len(previous.joined_by)
    return larger or joins or alert.severity.rank > previous.severity.rank


def _step(identities: int) -> int:
    return int(log(max(identities, 1), 1.5))
