"""What outlives the process: snapshots of the state, dead letters, which message it was reading, and who may write."""

from service.storage.dead_letter import BlobDeadLetterStore, FileDeadLetterStore
from service.storage.generations import BlobGenerations, FileGenerations, GenerationStore
from service.storage.impatient import ImpatientDeadLetterStore
from service.storage.leases import BlobLease, FileLease
from service.storage.reject_letters import RejectLetters
from service.storage.restoring import Loaded, load_newest
from service.storage.saver import Saver
from service.storage.segments import BlobSegments
from service.storage.shard_states import BEFORE_THE_FIRST, ShardStates, StateEncoder
from service.storage.snapshots import BlobSnapshotStore, FileSnapshotStore
from service.storage.state import Saved, State
from service.storage.suspects import Suspect, Suspects, set_aside

__all__ = [
    "BEFORE_THE_FIRST",
    "BlobDeadLetterStore",
    "BlobGenerations",
    "BlobLease",
    "BlobSegments",
    "BlobSnapshotStore",
    "FileDeadLetterStore",
    "FileGenerations",
    "FileLease",
    "FileSnapshotStore",
    "GenerationStore",
    "ImpatientDeadLetterStore",
    "Loaded",
    "RejectLetters",
    "Saved",
    "Saver",
    "ShardStates",
    "State",
    "StateEncoder",
    "Suspect",
    "Suspects",
    "load_newest",
    "set_aside",
]
