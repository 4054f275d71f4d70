"""Which services each role works with, and how much: the habits that people of one role share.

Weights are relative. A person's own mix is drawn around them by `habits`; machines have routines of their own in
`machines`.
"""

ROLES: dict[str, dict[str, float]] = {
    "platform": {
        "compute": 10, "resources": 6, "network": 5, "storage": 5, "keyvault": 3, "authorization": 3,
        "managedidentity": 2, "containerservice": 4, "insights": 4, "recoveryservices": 2, "automation": 3,
        "operationalinsights": 2, "policyinsights": 1, "maintenance": 2, "web": 2, "sql": 1, "guestconfiguration": 0.7,
        "desktopvirtualization": 1, "security": 0.7, "support": 0.5, "batch": 0.5, "devtestlab": 0.7,
    },
    "network": {
        "network": 20, "cdn": 4, "compute": 2, "insights": 2, "resources": 2, "keyvault": 1, "apimanagement": 1,
        "operationalinsights": 1, "authorization": 0.5, "web": 0.7, "storage": 0.7, "support": 0.5,
        "signalrservice": 0.4,
    },
    "data": {
        "sql": 9, "datafactory": 8, "storage": 6, "documentdb": 4, "databricks": 3, "synapse": 4, "kusto": 3,
        "dbforpostgresql": 4, "machinelearningservices": 5, "keyvault": 2, "eventhub": 3, "insights": 1, "resources": 2,
        "cognitiveservices": 2, "search": 1.5, "authorization": 0.6, "logic": 1, "batch": 1, "network": 0.6,
    },
    "security": {
        "security": 8, "securityinsights": 10, "authorization": 5, "keyvault": 4, "operationalinsights": 4,
        "insights": 3, "policyinsights": 4, "network": 3, "logic": 2, "managedidentity": 1.5, "resources": 2,
        "guestconfiguration": 1, "storage": 1, "compute": 1, "automation": 1, "recoveryservices": 0.4,
    },
    "developer": {
        "web": 10, "app": 6, "containerregistry": 4, "containerservice": 4, "insights": 4, "storage": 5,
        "documentdb": 3, "servicebus": 4, "eventhub": 2, "cache": 2, "resources": 4, "logic": 2, "keyvault": 3,
        "appconfiguration": 3, "apimanagement": 4, "signalrservice": 1.5, "eventgrid": 2, "sql": 2, "cdn": 1,
        "dbforpostgresql": 1.5, "cognitiveservices": 2, "search": 1, "managedidentity": 1, "compute": 1,
        "authorization": 0.5, "network": 0.7, "operationalinsights": 0.5,
    },
    "support": {
        "compute": 8, "support": 5, "desktopvirtualization": 8, "insights": 3, "advisor": 2, "recoveryservices": 3,
        "web": 3, "sql": 1, "network": 2, "storage": 1.5, "devtestlab": 3, "maintenance": 1, "automation": 1.5,
        "containerservice": 0.6, "cache": 0.6, "keyvault": 0.5,
    },
    "finance": {
        "costmanagement": 10, "consumption": 4, "billing": 3, "capacity": 2, "advisor": 3, "support": 1,
        "resources": 0.7, "storage": 0.4, "insights": 0.4,
    },
}  # fmt: skip
"""Weights of services (without the ``microsoft.``) by role."""

ROLE_SHARES: dict[str, float] = {
    "developer": 0.40, "platform": 0.16, "data": 0.15, "support": 0.11, "network": 0.07, "security": 0.07,
    "finance": 0.04,
}  # fmt: skip
"""Share of each role among people."""

KIN: dict[str, tuple[str, ...]] = {
    "platform": ("network", "security", "developer"),
    "network": ("platform", "security"),
    "data": ("developer", "platform"),
    "security": ("platform", "network"),
    "developer": ("data", "platform", "support"),
    "support": ("platform", "developer"),
    "finance": ("support",),
}
"""Roles whose work people of a role occasionally do as well."""
