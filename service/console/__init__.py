"""The console: pages for whoever has to find out, at any hour, what an alert is about.

It shows what history has, so a replayed file is looked at as a running service is.
"""

from service.console.access import Role, Sessions
from service.console.api_models import Tuning
from service.console.asking import PageQuery
from service.console.desk import HandedIn, VerdictDesk
from service.console.live import Live, PartitionState, SampleSent, SinkState
from service.console.openid_routes import CALLBACK, LOGIN
from service.console.openid_sign_in import OpenIdSignIn, RoleRule
from service.console.server import Console
from service.console.suppress_page import kept_back
from service.console.token_sign_in import TokenSignIn
from service.console.tuning_page import tuning_said

__all__ = [
    "CALLBACK",
    "LOGIN",
    "Console",
    "HandedIn",
    "Live",
    "OpenIdSignIn",
    "PageQuery",
    "PartitionState",
    "Role",
    "RoleRule",
    "SampleSent",
    "Sessions",
    "SinkState",
    "TokenSignIn",
    "Tuning",
    "VerdictDesk",
    "kept_back",
    "tuning_said",
]
