"""What is learnt: river estimators of how likely something is, and the bounded memories that they stand on.

Which numbers make an anomaly, and what it is called, is left to the detectors.
"""

from models.statistics.accumulation import NONE, Accumulation, Evidence
from models.statistics.backoff import Backoff
from models.statistics.bloom_mask import mask, tried
from models.statistics.calibration import Calibration
from models.statistics.decay import growth, surprise
from models.statistics.failure_rate import FailureRate, Ledger
from models.statistics.habits import Habit
from models.statistics.keyed import Keyed
from models.statistics.location_rarity import Locate, Place, Whereabouts, kilometres, nowhere
from models.statistics.novelty import NoveltyRate, prior_hazard, stage_of
from models.statistics.places import NOWHERE, Places, network
from models.statistics.rarity import Likelihood, Rarity
from models.statistics.scoring import SCORE_PER_DECADE, Severity, odds, severity
from models.statistics.survival import Ladder, climbed
from models.statistics.user_days import Acquaintance, UserDays
from models.statistics.weights import Weights

__all__ = [
    "NONE",
    "NOWHERE",
    "SCORE_PER_DECADE",
    "Accumulation",
    "Acquaintance",
    "Backoff",
    "Calibration",
    "Evidence",
    "FailureRate",
    "Habit",
    "Keyed",
    "Ladder",
    "Ledger",
    "Likelihood",
    "Locate",
    "NoveltyRate",
    "Place",
    "Places",
    "Rarity",
    "Severity",
    "UserDays",
    "Weights",
    "Whereabouts",
    "climbed",
    "growth",
    "kilometres",
    "mask",
    "network",
    "nowhere",
    "odds",
    "prior_hazard",
    "severity",
    "stage_of",
    "surprise",
    "tried",
]
