"""Who did it: turns the claims of a token, the principal of a role and the caller's name into one `Actor`.

A pure function of one record's fields. Nothing is remembered from other records, so that an identity's key never
depends on the order in which records arrive; what files that are read as a whole add to that is in `service.replay`.
"""

import re
from hashlib import blake2b

from models.stream import Actor, ActorKind
from service.core.parsing.records import Claims, Who

MICROSOFT_TENANTS = frozenset(
    {
        "f8cdef31-a31e-4b4a-93e4-5f571e91255a",  # Microsoft Services: owner of the first-party applications
        "33e01921-4d64-4f8c-a055-5bdaffd5e33d",  # AME: where Azure's own resource providers get their tokens
    }
)

FIRST_PARTY = {
    "0469d4cd-df37-4d93-8a61-f8c75b809164": "Policy Administration Service",
    "1d78a85d-813d-46f0-b496-dd72f50a3ec0": "Azure Policy Insights",
    "262044b1-e2ce-469f-a196-69ab7ada62d3": "Azure Backup",
    "4962773b-9cdb-44cf-a8bf-237846a00ab7": "Azure Event Grid",
    "60e6cd67-9c8c-4951-9b3c-23c25a2169af": "Azure Compute Resource Provider",
    "8edd93e1-2103-40b4-bd70-6e34e586362d": "Azure Security Resource Provider",
    "a6aa9161-5291-40bb-8c5c-923b567bee3b": "Azure Storage Resource Provider",
    "abfa0a7c-a6b6-4736-8310-5855508787cd": "Azure App Service",
    "2cf9eb86-36b5-49dc-86ae-9a63135dfa8c": "Azure Traffic Manager and DNS",
    "035f9e1d-4f00-4419-bf50-bf2d87eb4878": "Azure Monitor Restricted",
    # these give roles by themselves
    "01fc33a7-78ba-4d2f-a4b7-768e336e890e": "MS-PIM",
    "0736f41a-0425-4b46-bdb5-1563eff02385": "Azure Machine Learning",
    "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d": "AzureDatabricks",
    "66c6d0d1-f2e7-4a18-97a9-ed10f3347016": "Managed Service",
    "7319c514-987d-4e9b-ac3d-d38c4f427f4c": "AzureContainerService",
    "ef5d5c69-a5df-46bb-acaf-426f161a21a2": "Managed Service Identity",
    "f71766dc-90d9-4b7d-bd9d-4499c4331c3f": "Azure Blueprints",
}
"""Application ids of services that act by themselves in most subscriptions; far from all of them."""

SERVICE_NAMES = frozenset({"azureadpim", *(name.lower() for name in FIRST_PARTY.values())})
"""By which some of them are named where a person's name would stand; Privileged Identity Management is AzureADPIM."""

UNATTRIBUTED = "unattributed"

_LONGEST = 256
_HEX_ID = re.compile(r"[0-9a-f]{32}")
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_EXTERNAL = "#ext#"
_SERVICE = re.compile(r"microsoft\.[\w.]+(?:/[\w./-]*)?", re.ASCII)
_PREFIXED = re.compile(r"[a-z0-9.-]++#([^\s@]++@[^\s@]++)")
_ISSUER = re.compile(r"https?://[^/]++/?([^/]*+)")
_OTHERS_ACCOUNTS = frozenset({"mail", "uri:windowsliveid"})
_DOMAIN = re.compile(r"[a-z0-9-]++(?:\.[a-z0-9-]++)+")


def certain(claims: Claims) -> bool:
    """Whether claims in their usual spelling say who it is so well that no other spelling could add to it."""
    named = claims.idtyp == "app" or _is_address(_fold(claims.upn))
    return bool(named and claims.object_id and claims.tenant_id and claims.appid)


def resolve(tenant_id: str | None, claims: Claims | None, who: Who | None) -> Actor:
    """Return the identity behind a record; of kind UNKNOWN, one a tenant, if nothing points to any.

    The key is ``tenant/x`` with the first of these for x: object id of the token; principal of the role assignment,
    if that is a user or service principal (a group is not who acted) and the token does not name a service; user
    name; application id; name of a service of Azure; caller. All folded to lower case and trimmed. The tenant is the
    token's, else the record's, else ``-``.

    Notes
    -----
    Claims: Microsoft Learn, *Access token claims reference*; the long names are those of the activity log.
    ``xms_mirid`` names a managed identity's resource; ``altsecid`` is only in tokens of accounts homed elsewhere.
    """
    claims, who = claims or _NO_CLAIMS, who or _NOBODY
    called = _fold(who.caller)
    tenant = _identifier(claims.tenant_id) or _identifier(tenant_id) or "-"
    object_id = _identifier(claims.object_id)
    application = _identifier(claims.appid)
    user = _user(claims, called)
    service = "" if _is_address(user) else _service(claims, "" if object_id or application else called)
    principal = _identifier(who.principal_id) if _fold(who.principal_type) in _ACTING and not service else ""
    if service:
        user = ""
    kind = _kind(claims, who, tenant, application, user, service, called)
    if kind in {ActorKind.HUMAN, ActorKind.GUEST}:
        user, name = _address(user), _human_name(claims, user)
    else:
        name = service or _application_name(claims, application, kind)
    key = object_id or principal or user or application or service or called
    if not key:
        return Actor(f"{tenant}/{UNATTRIBUTED}", UNATTRIBUTED, ActorKind.UNKNOWN)
    return Actor(_bounded(f"{tenant}/{key}"), (name or user or application or called or key)[:_LONGEST], kind)


_NO_CLAIMS = Claims()
_NOBODY = Who()
_ACTING = frozenset({"user", "serviceprincipal"})


def _bounded(key: str) -> str:
    """Return a key that is as long as a real one at most, and still nobody else's."""
    if len(key) <= _LONGEST:
        return key
    digest = blake2b(key.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{key[: _LONGEST - 17]}~{digest}"


def _fold(value: str | None) -> str:
    return value.strip().lower() if value else ""


def _identifier(value: str | None) -> str:
    folded = _fold(value)
    if _HEX_ID.fullmatch(folded):  # evidence carries ids without hyphens
        return f"{folded[:8]}-{folded[8:12]}-{folded[12:16]}-{folded[16:20]}-{folded[20:]}"
    return "" if folded.startswith("00000000-0000-0000-0000-000000000000") else folded


def _is_address(user: str) -> bool:
    return "@" in user and " " not in user


def _user(claims: Claims, called: str) -> str:
    """Return the name by which a person signed in: the first that looks like an address, else a bare UPN claim."""
    for candidate in (_fold(claims.upn), _fold(claims.name), _fold(claims.email), called):
        if _is_address(candidate):
            return candidate
    return _fold(claims.upn)


def _service(claims: Claims, called: str) -> str:
    """Return the name of a service of Azure that stands where a person's would, or nothing."""
    for candidate in (_fold(claims.upn), _fold(claims.name), _fold(claims.email), _fold(claims.display), called):
        if candidate in SERVICE_NAMES or _SERVICE.fullmatch(candidate):
            return candidate
    return ""


def _address(user: str) -> str:
    """Return a guest's own address, however the directory spells the guest."""
    if _EXTERNAL in user:
        local, at, domain = user.partition(_EXTERNAL)[0].rpartition("_")
        return f"{local}@{domain}" if at else user
    prefixed = _PREFIXED.fullmatch(user)
    return prefixed[1] if prefixed else user


def _kind(claims: Claims, who: Who, tenant: str, application: str, user: str, service: str, called: str) -> ActorKind:
    kind = ActorKind.UNKNOWN
    principal, sort = _fold(who.principal_type), _fold(claims.idtyp)
    if claims.mirid:
        kind = ActorKind.MANAGED_IDENTITY
    elif service:
        kind = ActorKind.FIRST_PARTY
    elif sort != "app" and (user or claims.puid or sort == "user"):
        kind = ActorKind.GUEST if _is_guest(claims, user, tenant) else ActorKind.HUMAN
    elif sort != "app" and not application and principal == "user":
        kind = ActorKind.HUMAN
    elif application in FIRST_PARTY or tenant in MICROSOFT_TENANTS:
        kind = ActorKind.FIRST_PARTY
    elif sort == "app" or application or principal == "serviceprincipal" or _ID.fullmatch(called):
        kind = ActorKind.SERVICE_PRINCIPAL  # a caller that is an id: people have names
    return kind


def _is_guest(claims: Claims, user: str, tenant: str) -> bool:
    if _EXTERNAL in user or _PREFIXED.fullmatch(user) or claims.altsecid:
        return True
    provider = _fold(claims.identity_provider) or _fold(claims.idp)
    issuer = _ISSUER.match(provider)
    if issuer:  # the token service of a tenant, in whichever cloud, or somebody else's
        return issuer[1] != tenant and not (tenant == "-" and _ID.fullmatch(issuer[1]))
    return provider in _OTHERS_ACCOUNTS or _DOMAIN.fullmatch(provider) is not None


def _human_name(claims: Claims, user: str) -> str:
    address = _address(user)
    return address if "@" in address else (claims.display or "").strip() or address


def _application_name(claims: Claims, application: str, kind: ActorKind) -> str:
    if claims.mirid and kind is ActorKind.MANAGED_IDENTITY:
        return claims.mirid.strip().rstrip("/").rpartition("/")[2]
    return FIRST_PARTY.get(application, application)
