"""Teaches a state what a tenant usually does, from history that Azure still has: before the first live event is judged.

`sources` knows where history lies, `chunks` divides it, `download` fetches it, `spool` keeps it until it has been
learnt, `history` does all of that; `teaching` drives an engine through it, and `first_start` does both for a service
that starts with an empty state. What is learnt from the records is the engine's business.
"""

from service.learning.chunks import Chunk, chunks_of
from service.learning.download import Downloaded, Piece, download
from service.learning.first_start import FirstStart
from service.learning.history import Fetched, TenantHistory
from service.learning.sources import ARCHIVE_CONTAINER, ArchiveRefused, api_pieces, archive_pieces, workspace_pieces
from service.learning.spool import Spool, SpoolBusy
from service.learning.teaching import Taught, Teaching

__all__ = [
    "ARCHIVE_CONTAINER",
    "ArchiveRefused",
    "Chunk",
    "Downloaded",
    "Fetched",
    "FirstStart",
    "Piece",
    "Spool",
    "SpoolBusy",
    "Taught",
    "Teaching",
    "TenantHistory",
    "api_pieces",
    "archive_pieces",
    "chunks_of",
    "download",
    "workspace_pieces",
]
