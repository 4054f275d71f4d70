"""What is learnt: river estimators of how likely something is, and the bounded memories that they stand on.

Which numbers make an anomaly, and what it is called, is left to the detectors.
"""

from models.statistics.accumulation import NONE, Accumulated, AccumulationRule
from models.statistics.arrivals import Arrivals, Beginnings
from models.statistics.backoff import Backoff, newcomers
from models.statistics.bloom_mask import added, mask, tried
from models.statistics.calibration import Calibration
from models.statistics.campaign import NO_CAMPAIGN, Campaign, CampaignEntry, CampaignRule
from models.statistics.decay import growth, surprise
from models.statistics.failure_rate import FailureRate, FailureState
from models.statistics.habits import Habit
from models.statistics.keyed import Headcount, IdentityState, Keyed
from models.statistics.last_used import LastUsed
from models.statistics.lessons import Lessons
from models.statistics.location_rarity import Locate, LocationRarity, Place, kilometres, nowhere
from models.statistics.novelty import NoveltyRate, prior_hazard, stage_of
from models.statistics.places import NOWHERE, Places, network
from models.statistics.rarity import BUCKETS_A_DAY, MADE, Likelihood, Rarity
from models.statistics.rhythm import Rhythms, off_hours
from models.statistics.scoring import SCORE_PER_DECADE, Severity, odds, severity
from models.statistics.survival import SurvivalFunction, halved, reached
from models.statistics.user_days import UserDays, UserDayState
from models.statistics.weights import Weights

__all__ = [
    "BUCKETS_A_DAY",
    "MADE",
    "NONE",
    "NOWHERE",
    "NO_CAMPAIGN",
    "SCORE_PER_DECADE",
    "Accumulated",
    "AccumulationRule",
    "Arrivals",
    "Backoff",
    "Beginnings",
    "Calibration",
    "Campaign",
    "CampaignEntry",
    "CampaignRule",
    "FailureRate",
    "FailureState",
    "Habit",
    "Headcount",
    "IdentityState",
    "Keyed",
    "LastUsed",
    "Lessons",
    "Likelihood",
    "Locate",
    "LocationRarity",
    "NoveltyRate",
    "Place",
    "Places",
    "Rarity",
    "Rhythms",
    "Severity",
    "SurvivalFunction",
    "UserDayState",
    "UserDays",
    "Weights",
    "added",
    "growth",
    "halved",
    "kilometres",
    "mask",
    "network",
    "newcomers",
    "nowhere",
    "odds",
    "off_hours",
    "prior_hazard",
    "reached",
    "severity",
    "stage_of",
    "surprise",
    "tried",
]
