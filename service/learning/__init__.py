"""Teaches a state what a tenant usually does, from history that Azure still has: before the first live event is judged.

`sources` knows where history lies, `chunks` divides it, `download` fetches it, `spool` keeps it until it has been
learnt. What is learnt from the records is the engine's business.
"""

from service.learning.chunks import Chunk, chunks_of
from service.learning.download import Downloaded, Piece, download
from service.learning.sources import ARCHIVE_CONTAINER, ArchiveRefused, api_pieces, archive_pieces
from service.learning.spool import Spool, SpoolBusy

__all__ = [
    "ARCHIVE_CONTAINER",
    "ArchiveRefused",
    "Chunk",
    "Downloaded",
    "Piece",
    "Spool",
    "SpoolBusy",
    "api_pieces",
    "archive_pieces",
    "chunks_of",
    "download",
]
