"""Rare action: an identity does what it does not do, judged against its own habits and those of its peers.

Why it matters: whoever steals an identity rarely has its habits. The surprise of a cell is a sum of named terms
(action, outcome, sensitivity, hour, network, scope, evidence). It is a folder because it is large; others are a file.
"""

from models.detectors.rare_action.declaration import CARD, DECLARATION, NAME
from models.detectors.rare_action.detector import RareAction
from models.detectors.rare_action.judged import Judged

__all__ = ["CARD", "DECLARATION", "NAME", "Judged", "RareAction"]
