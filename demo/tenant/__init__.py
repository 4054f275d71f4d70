"""A simulated Azure tenant: people and machines with habits, a few of them compromised, and the records of it all.

Everything follows from a seed. The public face is `TenantPlan`, `Tenant` and what a tenant is made of.
"""

from demo.tenant.campaigns import Campaign, Step
from demo.tenant.identities import Identity
from demo.tenant.plan import TenantPlan
from demo.tenant.tenant import Arrival, Tenant

__all__ = ["Arrival", "Campaign", "Identity", "Step", "Tenant", "TenantPlan"]
