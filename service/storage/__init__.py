"""What outlives the process: snapshots of the state, and the dead letter."""

from service.storage.dead_letter import BlobDeadLetter, DeadLetter, FileDeadLetter
from service.storage.snapshots import BlobSnapshotStore, FileSnapshotStore
from service.storage.state import Saved, State

__all__ = ["BlobDeadLetter", "BlobSnapshotStore", "DeadLetter", "FileDeadLetter", "FileSnapshotStore", "Saved", "State"]
