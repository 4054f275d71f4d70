"""The console: pages for whoever has to find out, at any hour, what an alert is about.

It shows what history has, so a replayed file is looked at as a running service is.
"""

from service.console.access import Role, Sessions
from service.console.api_models import Tuning
from service.console.asking import PageQuery
from service.console.desk import HandedIn, VerdictDesk
from service.console.live import Live, PartitionState, SampleSent, SinkState
from service.console.openid_door import OpenIdDoor, RoleRule
from service.console.openid_entrance import CALLBACK, LOGIN
from service.console.server import Console
from service.console.suppress_page import kept_back
from service.console.token_door import Door
from service.console.tuning_page import tuning_said

__all__ = [
    "CALLBACK",
    "LOGIN",
    "Console",
    "Door",
    "HandedIn",
    "Live",
    "OpenIdDoor",
    "PageQuery",
    "PartitionState",
    "Role",
    "RoleRule",
    "SampleSent",
    "Sessions",
    "SinkState",
    "Tuning",
    "VerdictDesk",
    "kept_back",
    "tuning_said",
]
