"""How many of which kind and role live in a tenant; who they are in person is the business of `identities`."""

from demo.tenant.roles import ROLE_SHARES

_SERVICE_PRINCIPALS = {
    "pipeline": 0.52, "infrastructure": 0.16, "scanner": 0.10, "backup": 0.08, "cost": 0.08, "delivery": 0.06,
}  # fmt: skip
_MANAGED = {"machine": 0.42, "function": 0.36, "cluster": 0.22}
FIRST_PARTY: dict[str, tuple[str, str]] = {
    "policy": ("1d78a85d-813d-46f0-b496-dd72f50a3ec0", "Azure Policy Insights"),
    "restore": ("262044b1-e2ce-469f-a196-69ab7ada62d3", "Azure Backup"),
    "events": ("4962773b-9cdb-44cf-a8bf-237846a00ab7", "Azure Event Grid"),
    "defender": ("8edd93e1-2103-40b4-bd70-6e34e586362d", "Azure Security Resource Provider"),
}
"""Application id and name of each of Microsoft's own applications, the same in every tenant, by role."""

_KIND_SHARES = {"human": 0.54, "guest": 0.04, "service_principal": 0.17, "managed_identity": 0.21, "first_party": 0.04}
_AUTOMATION = ("service_principal", "managed_identity")


def census(total: int, automation: float | None = None) -> list[tuple[str, str]]:
    """List kind and role of everybody; every kind of routine occurs before any occurs too often.

    `automation` is the share of applications and managed identities, if it is to be another than usual.
    """
    people: list[tuple[str, str]] = []
    for kind, share in _shares(automation).items():
        roles = {
            "service_principal": _SERVICE_PRINCIPALS,
            "managed_identity": _MANAGED,
            "first_party": dict.fromkeys(FIRST_PARTY, 1 / len(FIRST_PARTY)),
        }.get(kind, ROLE_SHARES)
        wanted = max(2, round(total * share))
        if kind == "first_party":
            wanted = min(wanted, len(FIRST_PARTY))  # one principal of each of Microsoft's applications
        if kind == "service_principal":
            # Names that are new in every run: one such identity makes most of a tenant's never-seen operations.
            people.append((kind, "naming"))
            wanted -= 1
        people.extend((kind, role) for role in _apportion(roles, wanted))
    while len(people) > total:
        people.pop(0)
    people.extend([("managed_identity", "machine")] * (total - len(people)))
    return people


def _shares(automation: float | None) -> dict[str, float]:
    if automation is None:
        return _KIND_SHARES
    machines = sum(share for kind, share in _KIND_SHARES.items() if kind in _AUTOMATION)
    others = 1.0 - machines
    return {
        kind: share * (automation / machines if kind in _AUTOMATION else (1.0 - automation) / others)
        for kind, share in _KIND_SHARES.items()
    }


def _apportion(shares: dict[str, float], count: int) -> list[str]:
    """Give out `count` seats by largest share owed (Sainte-Laguë), so that small tenants are varied too."""
    seats = dict.fromkeys(shares, 0)
    for _ in range(count):
        name = max(shares, key=lambda role: shares[role] / (2 * seats[role] + 1))
        seats[name] += 1
    return [role for role, number in seats.items() for _ in range(number)]
