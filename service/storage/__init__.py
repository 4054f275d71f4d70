"""What outlives the process: snapshots of the state, and dead letters."""

from service.storage.dead_letter import BlobDeadLetterStore, FileDeadLetterStore
from service.storage.reject_letters import RejectLetters
from service.storage.snapshots import BlobSnapshotStore, FileSnapshotStore
from service.storage.state import Saved, State

__all__ = [
    "BlobDeadLetterStore",
    "BlobSnapshotStore",
    "FileDeadLetterStore",
    "FileSnapshotStore",
    "RejectLetters",
    "Saved",
    "State",
]
