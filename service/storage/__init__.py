"""What outlives the process: snapshots of the state, and dead letters."""

from service.storage.dead_letter import BlobDeadLetterStore, FileDeadLetterStore, reject_entry
from service.storage.impatient import ImpatientDeadLetterStore
from service.storage.saver import Saver
from service.storage.snapshots import BlobSnapshotStore, FileSnapshotStore
from service.storage.state import Saved, State

__all__ = [
    "BlobDeadLetterStore",
    "BlobSnapshotStore",
    "FileDeadLetterStore",
    "FileSnapshotStore",
    "ImpatientDeadLetterStore",
    "Saved",
    "Saver",
    "State",
    "reject_entry",
]
