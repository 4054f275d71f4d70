"""History: what was seen, judged and told, in a database on this machine; derived, so that losing it loses no alert.

Written beside the stream, read by the command line and by whoever shows it.
"""

from service.history.file import HistoryFile
from service.history.handling import IncidentChanged, handle, note_verdict
from service.history.packing import ToldAlert, ToldFinding
from service.history.reading import FOREVER, History
from service.history.recorder import HistoryUnwritable, Recorder
from service.history.retention import HistoryLimits, forget_identity
from service.history.room import Room
from service.history.schema import NoHistory
from service.history.shipping import Shipping, fetch_segments, forget_in_segments
from service.history.values import (
    AlertSummary,
    Attempt,
    CellScore,
    Delivered,
    HistoryEntry,
    Hour,
    HourMark,
    KnownIdentity,
    Lane,
    LaneDay,
    Restored,
)

__all__ = [
    "FOREVER",
    "AlertSummary",
    "Attempt",
    "CellScore",
    "Delivered",
    "History",
    "HistoryEntry",
    "HistoryFile",
    "HistoryLimits",
    "HistoryUnwritable",
    "Hour",
    "HourMark",
    "IncidentChanged",
    "KnownIdentity",
    "Lane",
    "LaneDay",
    "NoHistory",
    "Recorder",
    "Restored",
    "Room",
    "Shipping",
    "ToldAlert",
    "ToldFinding",
    "fetch_segments",
    "forget_identity",
    "forget_in_segments",
    "handle",
    "note_verdict",
]
