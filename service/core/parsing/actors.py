"""Who did it: turns the claims of a token, the evidence of a role and the caller's name into one `Actor`.

A pure function of one record's fields. Nothing is remembered from other records, so that an identity's key never
depends on the order in which records arrive.
"""

import re
from hashlib import blake2b

from models.stream import Actor, ActorKind
from service.core.parsing.records import Claims, Evidence

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
}
"""Application ids of services that act by themselves in most subscriptions; far from all of them."""

UNATTRIBUTED = "unattributed"

_LONGEST = 256
_HEX_ID = re.compile(r"[0-9a-f]{32}")
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_EXTERNAL = "#ext#@"
_ISSUER = re.compile(r"https://(?:sts\.windows\.net|login\.microsoftonline\.com)/([^/]+)")


def resolve(tenant_id: str | None, claims: Claims | None, evidence: Evidence | None, caller: str | None) -> Actor:
    """Return the identity behind a record; of kind UNKNOWN, one a tenant, if nothing points to any.

    The key is ``tenant/x`` with the first of these for x: object id of the token; principal of the role assignment,
    if that is a user or service principal (a group is not who acted); user name; application id; caller. All folded
    to lower case and trimmed. The tenant is the token's, else the record's, else ``-``.

    Notes
    -----
    Claims: Microsoft Learn, *Access token claims reference*; the long names are those of the activity log.
    ``xms_mirid`` names a managed identity's resource; ``altsecid`` is only in tokens of accounts homed elsewhere.
    """
    claims = claims or _NO_CLAIMS
    evidence = evidence or _NO_EVIDENCE
    called = _fold(caller)
    tenant = _identifier(claims.tenant_id) or _identifier(tenant_id) or "-"
    object_id = _identifier(claims.object_id)
    principal = _identifier(evidence.principal_id) if _fold(evidence.principal_type) in _ACTING else ""
    application = _identifier(claims.appid)
    user = _user(claims, called)
    kind = _kind(claims, evidence, tenant, application, user, called)
    if kind in {ActorKind.HUMAN, ActorKind.GUEST}:
        user, name = _address(user), _human_name(claims, user)
    else:
        name = _application_name(claims, application, kind)
    key = object_id or principal or user or application or called
    if not key:
        return Actor(f"{tenant}/{UNATTRIBUTED}", UNATTRIBUTED, ActorKind.UNKNOWN)
    return Actor(_bounded(f"{tenant}/{key}"), (name or user or application or called or key)[:_LONGEST], kind)


_NO_CLAIMS = Claims()
_NO_EVIDENCE = Evidence()
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


def _user(claims: Claims, called: str) -> str:
    """Return the name by which a person signed in: the first that looks like an address, else a bare UPN claim."""
    candidates = [_fold(claims.upn), _fold(claims.name), called]
    for candidate in candidates:
        if "@" in candidate and " " not in candidate:
            return candidate
    return candidates[0]


def _address(user: str) -> str:
    """Return a guest's own address, however the directory spells the guest."""
    if user.startswith("live.com#"):
        return user.removeprefix("live.com#")
    if _EXTERNAL in user:
        local, at, domain = user.partition(_EXTERNAL)[0].rpartition("_")
        return f"{local}@{domain}" if at else user
    return user


def _kind(claims: Claims, evidence: Evidence, tenant: str, application: str, user: str, called: str) -> ActorKind:
    kind = ActorKind.UNKNOWN
    principal, sort = _fold(evidence.principal_type), _fold(claims.idtyp)
    if claims.mirid:
        kind = ActorKind.MANAGED_IDENTITY
    elif sort != "app" and (user or claims.puid or sort == "user"):
        kind = ActorKind.GUEST if _is_guest(claims, user) else ActorKind.HUMAN
    elif sort != "app" and not application and principal == "user":
        kind = ActorKind.HUMAN
    elif application in FIRST_PARTY or tenant in MICROSOFT_TENANTS or called.startswith("microsoft."):
        kind = ActorKind.FIRST_PARTY
    elif sort == "app" or application or principal == "serviceprincipal" or _ID.fullmatch(called):
        kind = ActorKind.SERVICE_PRINCIPAL  # a caller that is an id: people have names
    return kind


def _is_guest(claims: Claims, user: str) -> bool:
    if user.startswith("live.com#") or _EXTERNAL in user or claims.altsecid:
        return True
    provider = _fold(claims.identity_provider)
    if provider == "live.com":
        return True
    home, tenant = _ISSUER.match(provider), _fold(claims.tenant_id)
    return bool(home and tenant and home[1] != tenant)


def _human_name(claims: Claims, user: str) -> str:
    address = _address(user)
    return address if "@" in address else (claims.display or "").strip() or address


def _application_name(claims: Claims, application: str, kind: ActorKind) -> str:
    if claims.mirid and kind is ActorKind.MANAGED_IDENTITY:
        return claims.mirid.strip().rstrip("/").rpartition("/")[2]
    return FIRST_PARTY.get(application, application)
