"""A snapshot as bytes, and back; what its rows mean is the business of those who wrote them."""

from service.core.snapshot.codec import (
    Encoder,
    SnapshotPart,
    SnapshotRows,
    UnreadableSnapshot,
    decode,
    encode,
    is_snapshot,
)
from service.core.snapshot.packing import plain

__all__ = ["Encoder", "SnapshotPart", "SnapshotRows", "UnreadableSnapshot", "decode", "encode", "is_snapshot", "plain"]
