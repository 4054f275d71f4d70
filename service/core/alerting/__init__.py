"""From anomalies to alerts: thresholds and budget, what was suppressed, what has been told, and what an alert holds.

Rendering and sending are left to the sinks and to delivery.
"""

from service.core.alerting.alert_log import GROUP_FROM, AlertLog
from service.core.alerting.alerts import Alert, AlertKind, Finding
from service.core.alerting.budget import DEFAULT_THRESHOLD, Budget, Outlook, outlook
from service.core.alerting.digest import by_urgency, digest, urgency
from service.core.alerting.rollouts import ROLLOUT_FROM
from service.core.alerting.sample_alert import sample_alert
from service.core.alerting.score_history import LOWEST, History, day_begins, day_number
from service.core.alerting.suppressed_log import SuppressedFinding, SuppressedLog, SuppressionCount
from service.core.alerting.suppressions import Stage, Suppression, Suppressions, UnusableSuppressions
from service.core.alerting.trial import (
    AS_DELIVERED,
    InForce,
    Peak,
    Trial,
    is_movable,
    thresholds_within,
    try_thresholds,
)

__all__ = [
    "AS_DELIVERED",
    "DEFAULT_THRESHOLD",
    "GROUP_FROM",
    "LOWEST",
    "ROLLOUT_FROM",
    "Alert",
    "AlertKind",
    "AlertLog",
    "Budget",
    "Finding",
    "History",
    "InForce",
    "Outlook",
    "Peak",
    "Stage",
    "SuppressedFinding",
    "SuppressedLog",
    "Suppression",
    "SuppressionCount",
    "Suppressions",
    "Trial",
    "UnusableSuppressions",
    "by_urgency",
    "day_begins",
    "day_number",
    "digest",
    "is_movable",
    "outlook",
    "sample_alert",
    "thresholds_within",
    "try_thresholds",
    "urgency",
]
