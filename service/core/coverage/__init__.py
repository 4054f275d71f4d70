"""Decides when the service could not see, since when, and when it sees again: coverage gaps.

How far the hub has been read is `reading`'s to judge, how late the hub was given the events `arrival`'s, what was gone
before it was read `losses`'; that a gap's notices follow each other under one id is the work of `gaps`. Telling is left
to others.
"""

from service.core.coverage.gaps import GapLimits
from service.core.coverage.monitor import CoverageMonitor

__all__ = ["CoverageMonitor", "GapLimits"]
