"""Verdicts as a test needs them: on an alert that an engine told of, or on one that is made up."""

from datetime import UTC, datetime, timedelta
from typing import Any

from models.stream.events import Actor, ActorKind
from service.core.alerting.alerts import Alert
from service.core.verdicts import verdict as verdict_module
from service.core.verdicts.verdict import JudgedCell, Verdict, VerdictKind, takes_effect_from

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = Actor("t/ann", "ann@example.com", ActorKind.HUMAN)


def judged(action: str = "a/write", actor: Actor = ANN, start: datetime = START, **given: Any) -> JudgedCell:
    """Return a cell as an alert tells of it."""
    values = {
        "actor_id": actor.id,
        "actor_name": actor.name,
        "actor_kind": actor.kind,
        "bucket_start": start,
        "action": action,
        "action_name": action.upper(),
        "first_time": start + timedelta(minutes=5),
        "attempts": 1,
        "failures": 0,
        "denials": 0,
    }
    return JudgedCell(**{**values, **given})


def verdict(kind: VerdictKind = VerdictKind.BENIGN, *cells: JudgedCell, **given: Any) -> Verdict:
    """Return a verdict on what somebody did at nine, given at ten past eleven."""
    found = cells or (judged(),)
    at = given.get("at", START + timedelta(hours=2, minutes=10))
    values = {
        "kind": kind,
        "alert": "a1",
        "actor_id": found[0].actor_id,
        "actor_name": found[0].actor_name,
        "cells": found,
        "start": START,
        "end": START + 2 * HOUR,
        "by": "eve@example.com",
        "at": at,
        "why": "she has asked",
        "takes_effect": takes_effect_from(at, timedelta(minutes=30), HOUR),
    }
    return Verdict(**{**values, **given})


def verdict_on(alert: Alert, kind: VerdictKind, at: datetime, **given: Any) -> Verdict:
    """Return a verdict on an alert, given at that time."""
    values: dict[str, Any] = {"by": "eve@example.com", "why": "she has asked"}
    values["takes_effect"] = takes_effect_from(at, timedelta(minutes=30), HOUR)
    return verdict_module.verdict_on(alert, kind, at=at, **{**values, **given})
