"""Holds what was told against what was planted: which attacks were found, when, by what, and who was accused wrongly.

Reads alerts as any receiver of the generic webhook would, from their CloudEvents; knows nothing of how they came.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from demo.judged import Judged
from demo.tenant import Campaign

_REFERENCE = re.compile(r"\bAlert ([0-9a-f]{16})\b")


class Hint(NamedTuple):
    """One finding: whose, what, when first, in which bucket, found by what, and why it stands out."""

    actor: str
    actor_name: str
    detector: str
    action: str
    action_name: str
    time: datetime
    bucket_start: datetime
    bucket_end: datetime
    addresses: tuple[str, ...]
    why: str


class Told(NamedTuple):
    """One revision of an alert; `found_at` is when the service decided it, by its calendar."""

    id: str
    revision: int
    actor: str
    actor_name: str
    found_at: datetime
    heading: str
    mitre: tuple[str, ...]
    hints: tuple[Hint, ...]

    @property
    def detectors(self) -> tuple[str, ...]:
        """Which detectors contributed."""
        return tuple(sorted({hint.detector for hint in self.hints}))


class Verdict(NamedTuple):
    """What became of one attack; `told_at` None if nobody heard of it, `best` the highest score of any of its steps."""

    campaign: Campaign
    told_at: datetime | None
    detectors: tuple[str, ...]
    best: Judged | None = None

    @property
    def delay(self) -> timedelta | None:
        """From its first step to the first alert that names a step of it."""
        return None if self.told_at is None else self.told_at - self.campaign.steps[0].time


class Score(NamedTuple):
    """How it went.

    Attributes
    ----------
    verdicts
        One an attack, in their order.
    false
        The first finding of each day about somebody whom no attack used on that day, or not until then.
    alerts
        How many alerts there were, revisions aside.
    """

    verdicts: tuple[Verdict, ...]
    false: tuple[Hint, ...]
    alerts: int

    @property
    def found(self) -> int:
        """How many attacks somebody was told of."""
        return sum(verdict.told_at is not None for verdict in self.verdicts)

    @property
    def median_delay(self) -> timedelta | None:
        """By when half of those found, or just over half, had been told."""
        delays = sorted(verdict.delay for verdict in self.verdicts if verdict.delay is not None)
        return delays[(len(delays) - 1) // 2] if delays else None


def read_event(event: Mapping[str, Any]) -> Told:
    """Read an alert from its CloudEvent; KeyError or ValueError if it is none."""
    data = event["data"]
    user = data["evidences"][0]["actor"]["user"]
    return Told(
        id=event["subject"],
        revision=data["unmapped"]["revision"],
        actor=user["uid"],
        actor_name=user["name"],
        found_at=datetime.fromisoformat(event["time"]),
        heading=data["message"],
        mitre=tuple(dict.fromkeys(tag for one in data["evidences"] for tag in one["data"]["mitre"])),
        hints=tuple(_hint(evidence["data"], evidence["actor"]["user"]) for evidence in data["evidences"]),
    )


def _hint(finding: Mapping[str, Any], user: Mapping[str, Any]) -> Hint:
    return Hint(
        actor=user["uid"],
        actor_name=user["name"],
        detector=finding["detector"],
        action=finding["action"],
        action_name=finding["action_name"],
        time=datetime.fromisoformat(finding["time"]),
        bucket_start=datetime.fromisoformat(finding["bucket_start"]),
        bucket_end=datetime.fromisoformat(finding["bucket_end"]),
        addresses=tuple(finding["addresses"]),
        why=finding["why"],
    )


def references(payload: object) -> set[str]:
    """Return the ids of the alerts that a message to people refers to."""
    return set(_REFERENCE.findall(json.dumps(payload)))


def score(campaigns: Sequence[Campaign], told: Iterable[Told], judged: Iterable[Judged] = ()) -> Score:
    """Judge `told` by what was planted; `judged` is what was thought of each operation, told or not.

    An attack counts as found when an alert names its identity and one of its operations in the bucket in which it
    happened. An identity's day counts as a false alert when there is a finding on it and no step of an attack before
    the end of its bucket.
    """
    alerts, thoughts = list(told), list(judged)
    verdicts = tuple(_verdict(campaign, alerts, thoughts) for campaign in campaigns)
    steps = [(campaign.actor, step.time) for campaign in campaigns for step in campaign.steps]
    wrong = (
        hint
        for alert in alerts
        for hint in alert.hints
        if not any(
            who == hint.actor and when.date() == hint.time.date() and when < hint.bucket_end for who, when in steps
        )
    )
    first: dict[tuple[str, date], Hint] = {}
    for hint in sorted(wrong, key=lambda one: one.time):
        first.setdefault((hint.actor, hint.time.date()), hint)
    accused = sorted(first.values(), key=lambda one: (one.actor_name, one.time))
    return Score(verdicts, tuple(accused), len({alert.id for alert in alerts}))


def _verdict(campaign: Campaign, alerts: Iterable[Told], judged: Iterable[Judged]) -> Verdict:
    hits = [(alert.found_at, hint.detector) for alert in alerts for hint in alert.hints if _is_of(campaign, hint)]
    best = max((one for one in judged if _is_of(campaign, one)), key=lambda one: one.score, default=None)
    return Verdict(campaign, min(hits)[0] if hits else None, tuple(sorted({detector for _, detector in hits})), best)


def _is_of(campaign: Campaign, found: Hint | Judged) -> bool:
    """Whether what was found is of the attacked identity, and holds a step of the attack."""
    return found.actor == campaign.actor and any(
        found.action == step.action and found.bucket_start <= step.time < found.bucket_end for step in campaign.steps
    )
