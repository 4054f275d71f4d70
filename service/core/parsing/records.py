"""What the fields of a record are: one lean tree for the hot path, and an adapter that fills it from any known shape.

The tree names only what is read; the decoder skips the rest unseen. It fits the Event Hub export; REST (camel and
snake case), Log Analytics rows and odd casings are brought into it by `adapt`.
"""

from typing import NamedTuple

from msgspec import Raw, Struct, field

from service.core.parsing.lenient import Json, loads

Text = str | None
Code = str | int | float | None

_MICROSOFT = "http://schemas.microsoft.com/identity/claims/"
_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


class Claims(Struct, frozen=True, gc=False):
    """Claims of the caller's token, as far as they say who it is; hashable, so that it serves as a cache key."""

    altsecid: Text = None
    appid: Text = None
    identity_provider: Text = field(default=None, name=_MICROSOFT + "identityprovider")
    idtyp: Text = None
    display: Text = field(default=None, name="name")
    object_id: Text = field(default=None, name=_MICROSOFT + "objectidentifier")
    puid: Text = None
    tenant_id: Text = field(default=None, name=_MICROSOFT + "tenantid")
    name: Text = field(default=None, name=_XMLSOAP + "name")
    upn: Text = field(default=None, name=_XMLSOAP + "upn")
    mirid: Text = field(default=None, name="xms_mirid")


class Identity(Struct, gc=False):
    """Who, in the Event Hub export."""

    claims: Claims | None = None


class Properties(Struct, gc=False):
    """What of the properties decides category and outcome; the message stays raw until a failure asks for it."""

    status_code: Code = field(default=None, name="statusCode")
    status_message: Raw = field(default=Raw(b""), name="statusMessage")  # in a union it would not be raw
    event_category: Text = field(default=None, name="eventCategory")


class Record(Struct, gc=False):
    """One record in the shape of the Event Hub export."""

    time: Text = None
    resource_id: Text = field(default=None, name="resourceId")
    operation_name: Text = field(default=None, name="operationName")
    category: Text = None
    result_type: Code = field(default=None, name="resultType")
    result_signature: Code = field(default=None, name="resultSignature")
    caller_ip_address: Text = field(default=None, name="callerIpAddress")
    correlation_id: Text = field(default=None, name="correlationId")
    identity: Identity | str | None = None
    properties: Properties | str | None = None
    tenant_id: Text = field(default=None, name="tenantId")


class Envelope(Struct, gc=False):
    """A message as Azure Monitor writes it."""

    records: list[Record]


class RawEnvelope(Struct, gc=False):
    """The same, undecoded, for a second look at single records."""

    records: list[Raw]


class Evidence(NamedTuple):
    """The role assignment that allowed the operation; its principal may be a group."""

    principal_id: str | None = None
    principal_type: str | None = None


class Extras(NamedTuple):
    """What only a second look reads, because the usual record can do without it."""

    authorised: str | None = None
    evidence: Evidence = Evidence()
    caller: str | None = None
    event_data_id: str | None = None
    subscription_id: str | None = None


def adapt(members: dict[str, Json]) -> tuple[Record, Extras]:
    """Bring a record of any known shape into a `Record`.

    Keys are compared without case and underscores; ``{"value": …, "localizedValue": …}`` gives its value; objects
    that arrive as JSON text are read. The first key that is present and not empty wins.
    """
    fields = _fold(members)
    identity = _object(_first(fields, "identity"))
    claims = _object(identity.get("claims")) or _object(_first(fields, "claims", "claimsd"))
    authorization = _object(identity.get("authorization")) or _object(_first(fields, "authorization", "authorizationd"))
    evidence = _object(authorization.get("evidence"))
    properties = _object(_first(fields, "properties", "propertiesd"))
    request = _object(_first(fields, "httprequest"))
    record = Record(
        time=_text(_first(fields, "time", "eventtimestamp", "timegenerated", "timestamp")),
        resource_id=_text(_first(fields, "resourceid", "resourceuri")),
        operation_name=_text(_first(fields, "operationnamevalue", "operationname")),
        category=_text(_first(fields, "categoryvalue", "category")),
        result_type=_text(_first(fields, "resulttype", "status", "activitystatusvalue", "activitystatus")),
        result_signature=_text(_first(fields, "resultsignature", "substatus", "activitysubstatusvalue")),
        caller_ip_address=_text(_first(fields, "calleripaddress", "clientipaddress") or request.get("clientipaddress")),
        correlation_id=_text(_first(fields, "correlationid")),
        identity=Identity(_claims(claims)) if claims else None,
        properties=Properties(
            status_code=_text(properties.get("statuscode")),
            status_message=_raw(properties.get("statusmessage")),
            event_category=_text(properties.get("eventcategory")),
        ),
        tenant_id=_text(_first(fields, "tenantid")),
    )
    extras = Extras(
        authorised=_text(authorization.get("action")),
        evidence=Evidence(_text(evidence.get("principalid")), _text(evidence.get("principaltype"))),
        caller=_text(_first(fields, "caller") or claims.get(_XMLSOAP + "spn"))
        or (None if identity else _text(_first(fields, "identity"))),
        event_data_id=_text(_first(fields, "eventdataid")),
        subscription_id=_text(_first(fields, "subscriptionid")),
    )
    return record, extras


def _fold(members: dict[str, Json]) -> dict[str, Json]:
    folded: dict[str, Json] = {}
    for key, value in members.items():
        if value is not None and value != "":
            folded.setdefault(key.replace("_", "").lower(), value)
    return folded


def _first(fields: dict[str, Json], *keys: str) -> Json:
    for key in keys:
        if key in fields:
            return fields[key]
    return None


def _object(value: Json) -> dict[str, Json]:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = loads(value.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return {}
    return _fold(value) if isinstance(value, dict) else {}


def _text(value: Json) -> str | None:
    if isinstance(value, dict):
        value = value.get("value") or value.get("localizedValue") or value.get("localized_value")
    if isinstance(value, str):
        # a lone surrogate is legal for Python's decoder and for nobody else
        return (value if value.isascii() else value.encode("utf-8", "replace").decode()).strip() or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def _raw(value: Json) -> Raw:
    if isinstance(value, dict):
        code = value.get("error", value)
        value = code.get("code") if isinstance(code, dict) else None
        value = f'"code":"{value}"' if value else None
    return Raw(value.encode("utf-8", "replace") if isinstance(value, str) else b"")


def _claims(claims: dict[str, Json]) -> Claims:
    def claim(*keys: str) -> str | None:
        return _text(_first(claims, *(key.replace("_", "") for key in keys)))

    return Claims(
        altsecid=claim("altsecid"),
        appid=claim("appid", "azp"),
        identity_provider=claim(_MICROSOFT + "identityprovider", "idp"),
        idtyp=claim("idtyp"),
        display=claim("name"),
        object_id=claim(_MICROSOFT + "objectidentifier", "oid"),
        puid=claim("puid"),
        tenant_id=claim(_MICROSOFT + "tenantid", "tid"),
        name=claim(_XMLSOAP + "name", _XMLSOAP + "emailaddress", "email"),
        upn=claim(_XMLSOAP + "upn", "upn", "unique_name", "preferred_username"),
        mirid=claim("xms_mirid"),
    )
