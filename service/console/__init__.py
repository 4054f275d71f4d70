"""The console: pages for whoever has to find out, at any hour, what an alert is about.

It shows what history has, so a replayed file is looked at as a running service is.
"""

from service.console.access import Role, Sessions
from service.console.desk import HandedIn, VerdictDesk
from service.console.openid_door import OpenIdDoor, RoleRule
from service.console.openid_entrance import CALLBACK, LOGIN
from service.console.server import Console
from service.console.token_door import Door

__all__ = [
    "CALLBACK",
    "LOGIN",
    "Console",
    "Door",
    "HandedIn",
    "OpenIdDoor",
    "Role",
    "RoleRule",
    "Sessions",
    "VerdictDesk",
]
