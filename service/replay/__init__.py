"""Files instead of a hub, through the very engine that runs live."""

from service.replay.contents import Contents
from service.replay.intake import BLOCK, Intake
from service.replay.ordering import RUN, TEMPORARY, Order
from service.replay.replay import PARTITION, Replay, Summary

__all__ = ["BLOCK", "PARTITION", "RUN", "TEMPORARY", "Contents", "Intake", "Order", "Replay", "Summary"]
