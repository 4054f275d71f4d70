"""What becomes of a record that is put into the open buckets: the words for it, which logs and metrics use."""

from enum import StrEnum


class RecordResult(StrEnum):
    """What became of one record."""

    OPERATION = "operation"  # the first record of an operation
    RECORD = "record"  # a further record of one
    DUPLICATE = "duplicate"  # told nothing new
    LATE = "late"  # its bucket was closed; judged on its own
    TOO_LATE = "too_late"  # older than anything that is remembered
    SATURATED = "saturated"  # beyond the bound on one cell's operations or one identity's actions
