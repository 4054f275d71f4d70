"""The console: pages for whoever has to find out, at any hour, what an alert is about.

It shows what history has, so a replayed file is looked at as a running service is.
"""

from service.console.access import Role, Sessions
from service.console.api import search_answer
from service.console.api_models import Lanes, SearchResult, Tuning
from service.console.asking import NotPossible, PageQuery
from service.console.desk import HandedIn, VerdictDesk
from service.console.explorer import lanes_answer
from service.console.exports import incident_table
from service.console.incident_list import narrowed
from service.console.live import Live, PartitionState, SampleSent, SinkState
from service.console.openid_routes import CALLBACK, LOGIN
from service.console.openid_sign_in import OpenIdSignIn, RoleRule
from service.console.server import Console
from service.console.suppress_page import kept_back
from service.console.token_sign_in import TokenSignIn
from service.console.tuning_page import tuning_answer

__all__ = [
    "CALLBACK",
    "LOGIN",
    "Console",
    "HandedIn",
    "Lanes",
    "Live",
    "NotPossible",
    "OpenIdSignIn",
    "PageQuery",
    "PartitionState",
    "Role",
    "RoleRule",
    "SampleSent",
    "SearchResult",
    "Sessions",
    "SinkState",
    "TokenSignIn",
    "Tuning",
    "VerdictDesk",
    "incident_table",
    "kept_back",
    "lanes_answer",
    "narrowed",
    "search_answer",
    "tuning_answer",
]
