"""An identity that nobody has seen before does at once what intruders need."""

from models.detectors.first_sight.detector import FirstSight

__all__ = ["FirstSight"]
