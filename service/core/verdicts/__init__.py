"""What people found an alert to be: verdicts, the lines they are kept in, and which of them is in force when.

What they do to what is learnt is applied by the engine; where the journal is kept, and who is told, is left to others.
"""

from service.core.verdicts.collection import Verdicts
from service.core.verdicts.follow_up import FollowUps, VerdictNotice
from service.core.verdicts.journal import MOST_VERDICTS, Journal, Line, line_of, name_of, read_journal
from service.core.verdicts.verdict import (
    MOST_CELLS,
    JudgedCell,
    Verdict,
    VerdictKind,
    cells_of,
    takes_effect_from,
    verdict_on,
)

__all__ = [
    "MOST_CELLS",
    "MOST_VERDICTS",
    "FollowUps",
    "Journal",
    "JudgedCell",
    "Line",
    "Verdict",
    "VerdictKind",
    "VerdictNotice",
    "Verdicts",
    "cells_of",
    "line_of",
    "name_of",
    "read_journal",
    "takes_effect_from",
    "verdict_on",
]
