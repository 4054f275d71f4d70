"""From anomalies to alerts: thresholds and budget, what was suppressed, what has been told, and what an alert holds.

Rendering and sending are left to the sinks and to delivery.
"""

from service.core.alerting.alert_log import GROUP_FROM, AlertLog
from service.core.alerting.alerts import Alert, AlertKind, Finding
from service.core.alerting.budget import Budget, Outlook, outlook
from service.core.alerting.digest import by_urgency, digest, urgency
from service.core.alerting.rollouts import ROLLOUT_FROM
from service.core.alerting.sample_alert import sample_alert
from service.core.alerting.score_history import LOWEST, History
from service.core.alerting.suppressed_log import SuppressedFinding, SuppressedLog, SuppressionCount
from service.core.alerting.suppressions import Stage, Suppression, Suppressions, UnusableSuppressions

__all__ = [
    "GROUP_FROM",
    "LOWEST",
    "ROLLOUT_FROM",
    "Alert",
    "AlertKind",
    "AlertLog",
    "Budget",
    "Finding",
    "History",
    "Outlook",
    "Stage",
    "SuppressedFinding",
    "SuppressedLog",
    "Suppression",
    "SuppressionCount",
    "Suppressions",
    "UnusableSuppressions",
    "by_urgency",
    "digest",
    "outlook",
    "sample_alert",
    "urgency",
]
