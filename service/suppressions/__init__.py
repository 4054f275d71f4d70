"""The suppressions file: its entries, reading and editing it, and watching it for changes.

What a suppression does is decided in `service.core.alerting`.
"""

from service.suppressions.edits import add, expire
from service.suppressions.entry import checked_values, described, written
from service.suppressions.file import read_suppressions
from service.suppressions.locking import locked
from service.suppressions.watch import Looked, SuppressionWatch

__all__ = [
    "Looked",
    "SuppressionWatch",
    "add",
    "checked_values",
    "described",
    "expire",
    "locked",
    "read_suppressions",
    "written",
]
