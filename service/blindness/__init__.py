"""Decides when the service was blind, since when, and when it sees again; pure: what is heard comes in with its time.

How far the hub has been read is `reading`'s to judge, how late the hub was given the events `arrival`'s, what was gone
before it was read `losses`'; that a span's notices follow each other under one id is the work of `windows`. Telling is
left to others.
"""

from service.blindness.blindness import Blindness
from service.blindness.windows import Patience

__all__ = ["Blindness", "Patience"]
