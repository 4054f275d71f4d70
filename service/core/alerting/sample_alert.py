"""A sample alert, plainly marked as a test, for trying out a sink."""

from datetime import datetime, timedelta

from models.statistics import Severity
from models.stream import ActorKind, Bucket
from service.core.alerting.alerts import Alert, Finding, alert_id


def sample_alert(now: datetime) -> Alert:
    """Return an alert about nobody, as of `now`."""
    bucket = Bucket.of(now, timedelta(hours=1))
    window = Bucket.of(now, timedelta(hours=2))
    finding = Finding(
        id="0" * 16,
        detector="rare_action",
        title="Test alert: nothing has happened",
        action="microsoft.authorization/roleassignments/write",
        action_name="Microsoft.Authorization/roleAssignments/write",
        time=now,
        bucket_start=bucket.start,
        bucket_end=bucket.end,
        score=76.0,
        surprise=3.1,
        severity=Severity.MEDIUM,
        why="This is a test: never in 0 active days, by nobody at all.",
        evidence={},
        attempts=1,
        failures=0,
        denials=0,
        resources=("/subscriptions/00000000-0000-0000-0000-000000000000",),
        addresses=("192.0.2.1",),
        scopes=("00000000-0000-0000-0000-000000000000",),
        results=("Success",),
        correlations=("00000000-0000-0000-0000-000000000000",),
        late=False,
        settled=True,
        mitre=("TA0003/T1098",),
        response=("Nothing: this only shows that alerts arrive.",),
    )
    return Alert(
        id=alert_id("test", window),
        revision=1,
        actor_id="test",
        actor_name="unwonted test",
        actor_kind=ActorKind.UNKNOWN,
        window_start=window.start,
        window_end=window.end,
        found_at=now,
        score=76.0,
        severity=Severity.MEDIUM,
        findings=(finding,),
    )
