"""Teaches a state what a tenant usually does, from history that Azure still has: before the first live event is judged.

`chunks` divides what is to be fetched, `spool` keeps what has been, `download` fetches it. What is learnt from the
records is the engine's business.
"""

from service.learning.chunks import Chunk, chunks_of
from service.learning.download import Downloaded, download
from service.learning.spool import Spool, SpoolBusy

__all__ = ["Chunk", "Downloaded", "Spool", "SpoolBusy", "chunks_of", "download"]
