"""What outlives the process: snapshots of the state, dead letters, and the lease of who may write them."""

from service.storage.dead_letter import BlobDeadLetterStore, FileDeadLetterStore, reject_entry
from service.storage.leases import BlobLease, FileLease
from service.storage.restoring import Loaded, load_newest
from service.storage.snapshots import BlobSnapshotStore, FileSnapshotStore
from service.storage.state import Saved, State

__all__ = [
    "BlobDeadLetterStore",
    "BlobLease",
    "BlobSnapshotStore",
    "FileDeadLetterStore",
    "FileLease",
    "FileSnapshotStore",
    "Loaded",
    "Saved",
    "State",
    "load_newest",
    "reject_entry",
]
