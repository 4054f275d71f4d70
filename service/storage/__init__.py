"""What outlives the process: snapshots of the state, and dead letters."""

from service.storage.dead_letter import BlobDeadLetterStore, FileDeadLetterStore, reject_entry
from service.storage.restoring import Loaded, load_newest
from service.storage.snapshots import BlobSnapshotStore, FileSnapshotStore
from service.storage.state import Saved, State

__all__ = [
    "BlobDeadLetterStore",
    "BlobSnapshotStore",
    "FileDeadLetterStore",
    "FileSnapshotStore",
    "Loaded",
    "Saved",
    "State",
    "load_newest",
    "reject_entry",
]
