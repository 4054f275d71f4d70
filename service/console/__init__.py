"""The console: pages on this machine for whoever has to find out, at any hour, what an alert is about.

It shows what history has, so a replayed file is looked at as a running service is.
"""

from service.console.access import Door
from service.console.desk import HandedIn, VerdictDesk
from service.console.server import Console

__all__ = ["Console", "Door", "HandedIn", "VerdictDesk"]
