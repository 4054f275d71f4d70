"""What outlives the process: snapshots of the state, dead letters, and which message it was reading."""

from service.storage.dead_letter import BlobDeadLetterStore, FileDeadLetterStore
from service.storage.reject_letters import RejectLetters
from service.storage.snapshots import BlobSnapshotStore, FileSnapshotStore
from service.storage.state import Saved, State
from service.storage.suspects import Suspect, Suspects, set_aside

__all__ = [
    "BlobDeadLetterStore",
    "BlobSnapshotStore",
    "FileDeadLetterStore",
    "FileSnapshotStore",
    "RejectLetters",
    "Saved",
    "State",
    "Suspect",
    "Suspects",
    "set_aside",
]
