"""A snapshot as bytes, and back; what its rows mean is the business of those who wrote them."""

from service.core.snapshot.codec import Decoded, Encoder, Part, UnreadableSnapshot, decode, encode

__all__ = ["Decoded", "Encoder", "Part", "UnreadableSnapshot", "decode", "encode"]
