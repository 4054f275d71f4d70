"""Reads the records of the Activity Log out of files, in whatever shape people have them.

The shape is found out by looking at what is there; a name is never believed. A `Reader` yields `Batch`es of texts with
their places, and tells `Problem`s; it holds a few megabytes, whatever the size of a file. What a record means is for
`service.core.parsing`, what is done with it for whoever reads.

One module, one question: `sources` which files, `unpacking` what they are packed in, `detection` what they are,
`json_text`, `tables` and `columnar` where a record begins and ends, `wrappers` what a search engine has put around it,
`reading` all of it together.
"""

from service.documents.places import HARMLESS, Batch, Document, Problem, RecordPlace, Trouble, Unit, from_lines
from service.documents.reading import Reader
from service.documents.sources import FileSource, Found, find
from service.documents.tables import row_to_record

__all__ = [
    "HARMLESS",
    "Batch",
    "Document",
    "FileSource",
    "Found",
    "Problem",
    "Reader",
    "RecordPlace",
    "Trouble",
    "Unit",
    "find",
    "from_lines",
    "row_to_record",
]
