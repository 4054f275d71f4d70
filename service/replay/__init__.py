"""Files instead of a hub, through the very engine that runs live."""

from service.replay.contents import Contents
from service.replay.ordering import Order
from service.replay.replay import Replay, Summary

__all__ = ["Contents", "Order", "Replay", "Summary"]
