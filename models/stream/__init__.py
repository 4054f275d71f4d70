"""From records to closed hours: events joined to operations, operations to cells, cells to one identity's bucket.

Nobody here judges anything; what is unusual about a cell is left to the statistics and the detectors.
"""

from models.stream.bottom_k import BottomKSample
from models.stream.buckets import Limits, OpenBuckets
from models.stream.cells import NOBODY, ActorBucket, Cell, Crowd, Tally, tallied
from models.stream.events import IMAGINED, ActivityEvent, Actor, ActorKind, Outcome, display_name
from models.stream.exclusion import NOTHING_EXCLUDED, Exclusions, exclude_nothing, excluding
from models.stream.json_value import Json
from models.stream.matching import fits_pattern, names_of
from models.stream.operations import RecordResult
from models.stream.planting import planted
from models.stream.rows import Part, UnexpectedRow, dump_parts, fields, load_parts, reading
from models.stream.steps import Steps, finish
from models.stream.unread import RowsLater, UnreadRows
from models.stream.windows import EPOCH, Bucket, Watermark

__all__ = [
    "EPOCH",
    "IMAGINED",
    "NOBODY",
    "NOTHING_EXCLUDED",
    "ActivityEvent",
    "Actor",
    "ActorBucket",
    "ActorKind",
    "BottomKSample",
    "Bucket",
    "Cell",
    "Crowd",
    "Exclusions",
    "Json",
    "Limits",
    "OpenBuckets",
    "Outcome",
    "Part",
    "RecordResult",
    "RowsLater",
    "Steps",
    "Tally",
    "UnexpectedRow",
    "UnreadRows",
    "Watermark",
    "display_name",
    "dump_parts",
    "exclude_nothing",
    "excluding",
    "fields",
    "finish",
    "fits_pattern",
    "load_parts",
    "names_of",
    "planted",
    "reading",
    "tallied",
]
