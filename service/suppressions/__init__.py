"""The suppressions file: its entries, reading and editing it, and watching it for changes.

What a suppression does is decided in `service.core.alerting`.
"""

from service.suppressions.edits import add, as_yaml, expire
from service.suppressions.entry import checked_values, described, end_of, written
from service.suppressions.file import read_suppressions
from service.suppressions.locking import locked
from service.suppressions.watch import Looked, SuppressionWatch

__all__ = [
    "Looked",
    "SuppressionWatch",
    "add",
    "as_yaml",
    "checked_values",
    "described",
    "end_of",
    "expire",
    "locked",
    "read_suppressions",
    "written",
]
