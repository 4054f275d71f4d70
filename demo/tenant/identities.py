"""Who lives in the tenant: people, guests, service principals, managed identities, with their claims and networks.

Makes the population from the plan; what each of them does is the business of `habits` and `machines`.
"""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from zlib import crc32

from demo.tenant.census import FIRST_PARTY, census
from demo.tenant.plan import TenantPlan

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_MS_CLAIMS = "http://schemas.microsoft.com/identity/claims/"
_FIRST = """
Ada Alan Amara Anders Aoife Asha Beatriz Bruno Carla Chen Dafna Dmitri Elif Emeka Erik Fatima Freya
Goran Hana Hugo Ines Ivan Jana Joao Kaia Kenji Lars Leila Lucia Marek Mei Milan Nadia Nils Olga Omar
Paulo Priya Quinn Rafael Rosa Sam Sanna Tariq Tess Uma Viktor Wanjiru Yara Zoe
"""
_LAST = """
Abebe Almeida Andersen Baker Becker Bianchi Castro Chowdhury Cohen Costa Dubois Duval Eze Fischer
Garcia Haddad Hansen Hoffmann Ibrahim Ivanova Jansen Kaur Kim Kowalski Larsen Lindqvist Lopez Mensah
Moreau Mueller Nakamura Novak O'Brien Okafor Olsen Papadopoulos Patel Petrov Ramos Rossi Saito
Santos Schmidt Sharma Silva Singh Smith Tan Tanaka Weber Yilmaz
"""
_ZONES = (-8.0, -5.0, -5.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 5.5, 9.0)


def guid(rng: Random) -> str:
    """Draw a GUID, in lower case."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@dataclass(frozen=True, eq=False)
class Identity:
    """One identity of the tenant.

    Attributes
    ----------
    index
        Its number; also names its stream of random numbers.
    kind
        ``human``, ``guest``, ``service_principal``, ``managed_identity`` or ``first_party``.
    role
        What it does: a key of `ROLES` for people, the name of a routine for machines.
    id
        Stable actor id as the parser makes it: ``tenant/object-id`` in lower case.
    name
        What a person would call it, case-folded: user principal name (of guests the one at home), application id or
        name, resource name.
    zone
        Hours east of UTC of its working day.
    networks
        Source addresses, most used first.
    subscriptions
        Indexes of the subscriptions it works in, most used first.
    first_day
        Day on which it begins, 0-based.
    activity
        Mean sessions a working day (people) or runs a day (machines).
    claims
        The token's claims as they stand in a record.
    principal_type
        ``User`` or ``ServicePrincipal``, as in the record's evidence.
    """

    index: int
    kind: str
    role: str
    id: str
    name: str
    zone: float
    networks: tuple[str, ...]
    subscriptions: tuple[int, ...]
    first_day: int
    activity: float
    claims: dict[str, Any] = field(repr=False)
    principal_type: str = "User"

    @property
    def person(self) -> bool:
        """Whether somebody with office hours is behind it."""
        return self.kind in {"human", "guest"}


class Directory:
    """The tenant's ids, subscriptions and identities, drawn from the plan.

    Attributes
    ----------
    tenant_id, domain
        The Entra tenant and its first domain.
    subscriptions, spare
        Subscription ids; and one more, behind them, in which nobody works by themselves.
    identities
        Everybody, by `Identity.index`.
    runners
        Shared addresses of hosted build agents, from which many pipelines come.
    """

    def __init__(self, plan: TenantPlan) -> None:
        rng = Random(f"{plan.seed}/directory")
        self.tenant_id = guid(rng)
        self.domain = "contoso.example"
        self.subscriptions = tuple(guid(rng) for _ in range(max(4, plan.identities // 25)))
        self.spare = guid(Random(f"{plan.seed}/spare"))
        self.runners = tuple(f"198.19.{rng.randrange(128)}.{rng.randrange(1, 255)}" for _ in range(60))
        self._offices = tuple(f"203.0.113.{block * 16}" for block in range(6))
        self._names: set[str] = set()
        self._plan = plan
        self.identities = tuple(
            self._identity(index, *who) for index, who in enumerate(census(plan.identities, plan.automation))
        )

    def stranger(self, key: str, kind: str, role: str, first_day: int = 0) -> Identity:
        """Make up somebody who is not one of the tenant's `identities`: equal keys give equal strangers.

        Nobody carries out what a stranger does but who made it up.
        """
        index = self._plan.identities + crc32(f"{key}/{kind}".encode())
        return replace(self._identity(index, kind, role), first_day=first_day)

    def _identity(self, index: int, kind: str, role: str) -> Identity:
        rng = Random(f"{self._plan.seed}/identity/{index}")
        object_id, app_id = guid(rng), guid(rng)
        common = {
            "aud": "https://management.core.windows.net/",
            "iss": f"https://sts.windows.net/{self.tenant_id}/",
            f"{_MS_CLAIMS}objectidentifier": object_id,
            f"{_MS_CLAIMS}tenantid": self.tenant_id,
            "ver": "1.0",
        }
        subscriptions = tuple(rng.sample(range(len(self.subscriptions)), k=min(rng.choice((1, 2, 2, 3)), 4)))
        late = rng.random() < self._plan.newcomers
        first_day = rng.randrange(1, max(2, int(self._plan.days * 0.8))) if late else 0
        if kind in {"human", "guest"}:
            name, claims = self._person(rng, kind, index)
            return Identity(
                index, kind, role, f"{self.tenant_id}/{object_id}", name, rng.choice(_ZONES),
                self._addresses(rng), subscriptions, first_day,
                min(7.0, rng.lognormvariate(0.35, 0.75)) * (0.5 if kind == "guest" else 1.0), common | claims,
            )  # fmt: skip
        claims = {
            "appid": app_id,
            "appidacr": "2",
            "idtyp": "app",
            f"{_MS_CLAIMS}identityprovider": f"https://sts.windows.net/{self.tenant_id}/",
            f"{_CLAIMS}nameidentifier": object_id,
        }
        name, networks = app_id, self.runners
        if kind == "managed_identity":
            resource = _resource(rng, role, self.subscriptions[subscriptions[0]])
            claims["xms_mirid"] = resource
            name = resource.rsplit("/", 1)[1]
        elif kind == "first_party":
            claims["appid"], name = FIRST_PARTY[role]
        if role not in {"pipeline", "infrastructure"}:
            networks = tuple(
                f"198.18.{rng.randrange(256)}.{rng.randrange(1, 255)}" for _ in range(rng.choice((1, 1, 2)))
            )
        return Identity(
            index, kind, role, f"{self.tenant_id}/{object_id}", name.casefold(), rng.choice(_ZONES), networks,
            subscriptions if role != "policy" else tuple(range(len(self.subscriptions))), first_day,
            rng.lognormvariate(0.0, 0.5), common | claims, "ServicePrincipal",
        )  # fmt: skip

    def _person(self, rng: Random, kind: str, index: int) -> tuple[str, dict[str, str]]:
        while True:
            first, last = rng.choice(_FIRST.split()), rng.choice(_LAST.split())
            local = rng.choice((f"{first}.{last}", f"{first[0]}{last}", f"{first}.{last}{rng.randrange(2, 9)}"))
            if index >= self._plan.identities:
                local += f"{index}"  # a stranger's name does not depend on who else there is
            if local.casefold() not in self._names:
                break
            if len(self._names) > 3000:
                local += f"{len(self._names)}"
                break
        if index < self._plan.identities:
            self._names.add(local.casefold())
        upn = f"{local}@{self.domain}"
        if kind == "guest":
            upn = rng.choice(
                (f"{local}_fabrikam.example#EXT#@{self.domain}", f"live.com#{local}@fabrikam.example")
            )  # Both spellings occur: with a directory of their own, and with a personal account.
        elif rng.random() < 0.5:
            upn = upn.lower()
        blank = " " if rng.random() < 0.04 else ""
        claims = {
            f"{_CLAIMS}upn": blank + upn,
            f"{_CLAIMS}name": upn,
            f"{_CLAIMS}givenname": first,
            f"{_CLAIMS}surname": last,
            "name": f"{first} {last}",
            "appid": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",  # the portal's well-known application id
            "puid": f"1003{rng.getrandbits(48):012X}",
            f"{_MS_CLAIMS}scope": "user_impersonation",
            "http://schemas.microsoft.com/claims/authnmethodsreferences": rng.choice(("pwd,mfa", "rsa,mfa", "pwd")),
        }
        if kind == "guest":
            claims["idp"] = f"https://sts.windows.net/{guid(rng)}/"
        home = "fabrikam.example" if kind == "guest" else self.domain
        return f"{local}@{home}".casefold(), claims

    def _addresses(self, rng: Random) -> tuple[str, ...]:
        office = f"{rng.choice(self._offices)}".rsplit(".", 1)
        home = f"100.{64 + rng.randrange(32)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        if rng.random() < 0.2:
            home = f"2001:db8:{rng.randrange(0x4000):x}:{rng.randrange(0x10000):x}::{rng.randrange(1, 0x10000):x}"
        return f"{office[0]}.{int(office[1]) + rng.randrange(1, 15)}", home

    def foreign(self, rng: Random) -> str:
        """Draw an address at which nobody of the tenant lives: travel, a new provider, or an attacker."""
        if rng.random() < 0.2:
            return f"2001:db8:{0x8000 + rng.randrange(0x4000):x}:{rng.randrange(0x10000):x}::{rng.randrange(1, 99):x}"
        return f"100.{96 + rng.randrange(32)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def _resource(rng: Random, role: str, subscription: str) -> str:
    group, number = f"rg-{rng.choice(('core', 'shop', 'data', 'edge'))}-{rng.randrange(9)}", rng.randrange(1000)
    kinds = {
        "machine": f"Microsoft.Compute/virtualMachines/vm-{rng.choice(('app', 'sql', 'web'))}-{number}",
        "function": f"Microsoft.Web/sites/func-{rng.choice(('orders', 'mail', 'sync'))}-{number}",
        "cluster": f"Microsoft.ManagedIdentity/userAssignedIdentities/aks-{number}-agentpool",
    }
    return f"/subscriptions/{subscription}/resourcegroups/{group}/providers/{kinds[role]}"
