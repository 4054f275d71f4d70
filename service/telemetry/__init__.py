"""What happens, reported once by the part that did it, and handed to metrics, log and probes.

No name of a person, resource or address passes through here: those are in the alerts alone.
"""

from service.telemetry.events import (
    AlertsBelowSeverity,
    BatchApplied,
    CellsJudged,
    ClockJumped,
    CoverageChecked,
    DeadLettersWritten,
    Evaluated,
    EvaluationsMissed,
    GeographyOpened,
    HistoryFetching,
    HistoryLearning,
    HistoryLearnt,
    HistoryMissed,
    HubBegunAnew,
    LoopLagSampled,
    SecretFilesChecked,
    Started,
    StateRestored,
    Stopped,
    Stopping,
    TelemetryEvent,
)
from service.telemetry.metrics import expose_live_state
from service.telemetry.telemetry import Telemetry

__all__ = [
    "AlertsBelowSeverity",
    "BatchApplied",
    "CellsJudged",
    "ClockJumped",
    "CoverageChecked",
    "DeadLettersWritten",
    "Evaluated",
    "EvaluationsMissed",
    "GeographyOpened",
    "HistoryFetching",
    "HistoryLearning",
    "HistoryLearnt",
    "HistoryMissed",
    "HubBegunAnew",
    "LoopLagSampled",
    "SecretFilesChecked",
    "Started",
    "StateRestored",
    "Stopped",
    "Stopping",
    "Telemetry",
    "TelemetryEvent",
    "expose_live_state",
]
