"""How anything outside is waited for: no longer than a deadline, and in no thread that has to come back."""

from service.waiting.deadlines import end, finished, raise_failure, unless, until_ended, within
from service.waiting.threads import DaemonExecutor, Occupied, OneAside, still_running

__all__ = [
    "DaemonExecutor",
    "Occupied",
    "OneAside",
    "end",
    "finished",
    "raise_failure",
    "still_running",
    "unless",
    "until_ended",
    "within",
]
