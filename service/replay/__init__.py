"""Files instead of a hub, through the very engine that runs live."""

from service.replay.replay import Lines, Replay, Summary

__all__ = ["Lines", "Replay", "Summary"]
