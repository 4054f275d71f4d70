"""A snapshot as bytes, and back; what its rows mean is the business of those who wrote them."""

from service.core.snapshot.codec import UnreadableSnapshot, decode, encode, is_snapshot

__all__ = ["UnreadableSnapshot", "decode", "encode", "is_snapshot"]
