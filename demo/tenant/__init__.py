"""A simulated Azure tenant: people and machines with habits, a few of them compromised, and the records of it all.

Everything follows from a seed. The public face is `TenantPlan`, `Tenant`, what a tenant is made of, and what is needed
to plant more into one.
"""

from demo.tenant.calls import DAY, HOUR, MINUTE, Call
from demo.tenant.campaigns import Campaign, Step
from demo.tenant.catalogue import BY_ACTION, Operation, named, operation
from demo.tenant.identities import Directory, Identity
from demo.tenant.machines import Routine
from demo.tenant.people import Person
from demo.tenant.plan import TenantPlan
from demo.tenant.tenant import Arrival, Tenant

__all__ = [
    "BY_ACTION",
    "DAY",
    "HOUR",
    "MINUTE",
    "Arrival",
    "Call",
    "Campaign",
    "Directory",
    "Identity",
    "Operation",
    "Person",
    "Routine",
    "Step",
    "Tenant",
    "TenantPlan",
    "named",
    "operation",
]
