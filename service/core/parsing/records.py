"""What the fields of a record are: one lean tree for the hot path, and an adapter that fills it from any known shape.

The tree names only what is read; the decoder skips the rest unseen. It fits the Event Hub export; REST (camel and
snake case), PowerShell, Log Analytics rows, Event Grid and odd casings are brought into it by `adapt`.
"""

import re
from typing import NamedTuple

from msgspec import Raw, Struct, field

from service.core.parsing.lenient import Decoded
from service.core.parsing.loose import as_object, as_raw, as_text, first, fold, nest

Text = str | None
Code = str | int | float | None

_MICROSOFT = "http://schemas.microsoft.com/identity/claims/"
_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


class Claims(Struct, frozen=True, gc=False):
    """Claims of the caller's token, as far as they say who it is; hashable, so that it serves as a cache key."""

    altsecid: Text = None
    appid: Text = None
    identity_provider: Text = field(default=None, name=_MICROSOFT + "identityprovider")
    idp: Text = None
    idtyp: Text = None
    display: Text = field(default=None, name="name")
    object_id: Text = field(default=None, name=_MICROSOFT + "objectidentifier")
    puid: Text = None
    tenant_id: Text = field(default=None, name=_MICROSOFT + "tenantid")
    name: Text = field(default=None, name=_XMLSOAP + "name")
    upn: Text = field(default=None, name=_XMLSOAP + "upn")
    email: Text = field(default=None, name=_XMLSOAP + "emailaddress")
    mirid: Text = field(default=None, name="xms_mirid")


class Authorization(Struct, gc=False):
    """What was asked for, in the casing in which Azure's providers publish it."""

    action: Text = None


class Identity(Struct, gc=False):
    """Who, in the Event Hub export."""

    claims: Claims | str | None = None
    authorization: Authorization | str | None = None


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


class Who(NamedTuple):
    """What names the caller beside the token.

    Attributes
    ----------
    principal_id, principal_type
        Of the role assignment that allowed the operation; the principal may be a group.
    caller
        As the REST API names it.
    """

    principal_id: str | None = None
    principal_type: str | None = None
    caller: str | None = None


class Extras(NamedTuple):
    """What only a second look reads, because the usual record can do without it."""

    who: Who = Who()
    event_data_id: str | None = None
    subscription_id: str | None = None


def adapt(members: dict[str, Decoded]) -> tuple[Record, Extras]:
    """Bring a record of any known shape into a `Record`.

    Keys are compared without case, blanks and underscores; ``{"value": …, "localizedValue": …}`` gives its value;
    objects that arrive as JSON text, or flattened into keys with dots, are read; what is missing is an empty text where
    that settles the matter. The first key that is present and not empty wins.
    """
    fields = _unwrapped(nest(fold(members), _HEADS))
    identity = as_object(fields.get("identity"))
    claims = as_object(identity.get("claims")) or _readable(fields, "claims", "claimsd", "identityclaims")
    authorization = as_object(identity.get("authorization")) or _readable(
        fields, "authorization", "authorizationd", "identityauthorization"
    )
    evidence = as_object(authorization.get("evidence"))
    properties = _readable(fields, "properties", "propertiesd")
    request = as_object(fields.get("httprequest"))
    record = Record(
        time=as_text(first(fields, "time", "eventtimestamp", "timegenerated", "timestamp", "eventtime")),
        resource_id=as_text(first(fields, "resourceid", "resourceuri", "subject")) or "",
        operation_name=as_text(first(fields, "operationnamevalue", "operationname")) or "",
        category=as_text(first(fields, "categoryvalue", "category")),
        result_type=as_text(first(fields, *_RESULT_TYPE)),
        result_signature=as_text(first(fields, *_RESULT_SIGNATURE)),
        caller_ip_address=as_text(first(fields, *_ADDRESS) or request.get("clientipaddress")),
        correlation_id=as_text(fields.get("correlationid")),
        identity=Identity(
            claims=_claims(claims, as_object(properties.get("callerinfo"))),
            authorization=Authorization(as_text(authorization.get("action")) or ""),
        ),
        properties=Properties(
            status_code=as_text(properties.get("statuscode")),
            status_message=as_raw(properties.get("statusmessage")),
            event_category=as_text(properties.get("eventcategory")),
        ),
        tenant_id=_tenant(fields) or as_text(properties.get("tenantid")),
    )
    caller = first(fields, "caller") or claims.get(_XMLSOAP + "spn") or (None if identity else fields.get("identity"))
    extras = Extras(
        who=Who(
            as_text(evidence.get("principalid")),
            as_text(evidence.get("principaltype")),
            as_text(caller) or as_text(properties.get("caller")),
        ),
        event_data_id=as_text(fields.get("eventdataid")),
        subscription_id=as_text(fields.get("subscriptionid")),
    )
    return record, extras


_HEADS = frozenset({"identity", "claims", "authorization", "evidence", "properties", "callerinfo", "httprequest"}) | {
    *("operationname", "category", "status", "substatus")
}
"""Objects of a record that exports flatten into columns."""

_RESULT_TYPE = ("resulttype", "status", "statusvalue", "activitystatusvalue", "activitystatus")
_RESULT_SIGNATURE = ("resultsignature", "substatus", "substatusvalue", "activitysubstatusvalue", "activitysubstatus")
_ADDRESS = ("calleripaddress", "clientipaddress", "httprequestclientipaddress")
_ENDINGS = re.compile(r"Microsoft\.Resources\.Resource\w+?(Success|Failure|Cancel)", re.IGNORECASE)


def _readable(fields: dict[str, Decoded], *keys: str) -> dict[str, Decoded]:
    """Return the first object that can be read: Log Analytics cuts long texts, and may have the whole beside them."""
    return next(filter(None, (as_object(fields.get(key)) for key in keys)), {})


def _unwrapped(fields: dict[str, Decoded]) -> dict[str, Decoded]:
    """Return an event's data with what its wrapping adds: Event Grid's own schema, or CloudEvents."""
    if foreign := _foreign(fields):
        return {"category": foreign}
    data = {} if "operationname" in fields or "operationnamevalue" in fields else as_object(fields.get("data"))
    if not data:
        fields.pop("subject", None)  # a resource in a wrapping alone
        return fields
    fields.setdefault("eventdataid", fields.get("id"))
    kind = as_text(first(fields, "eventtype", "type"))
    ending = _ENDINGS.fullmatch(kind or "")
    if ending:
        fields["resulttype"] = "Canceled" if ending[1].lower() == "cancel" else ending[1]
    if "resulttype" in data or "status" in data:
        fields.pop("resulttype", None)
    return {**fields, **data}


def _foreign(fields: dict[str, Decoded]) -> str | None:
    """Return the category of what other senders of Azure put into a hub: action groups, Defender for Cloud.

    Sources: Microsoft Learn, *Common alert schema*, *Alerts schemas* and *Continuous export* of Defender for Cloud.
    """
    if "operationname" in fields or "operationnamevalue" in fields:
        return None
    if "schemaid" in fields and "data" in fields:
        return "Alert"
    if "systemalertid" in fields and ("alerttype" in fields or "vendorname" in fields):
        return "Security"
    kind = (as_text(fields.get("type")) or "").lower()
    if kind.startswith("microsoft.security/"):
        return "Recommendation" if kind.startswith("microsoft.security/assessments") else "Security"
    return None


def _tenant(fields: dict[str, Decoded]) -> str | None:
    """Return the Entra tenant; in a row of Log Analytics the column of that name is the workspace."""
    row = "timegenerated" in fields or (as_text(fields.get("type")) or "").lower() == "azureactivity"
    return None if row else as_text(fields.get("tenantid"))


def _claims(claims: dict[str, Decoded], caller: dict[str, Decoded]) -> Claims | None:
    """Return the claims of the token; if they name nobody, those that Privileged Identity Management names."""

    def claim(*keys: str) -> str | None:
        return as_text(first(claims, *(key.replace("_", "") for key in keys)))

    def said(*keys: str) -> str | None:
        return as_text(first(caller, *keys))

    found = Claims(
        altsecid=claim("altsecid"),
        appid=claim("appid", "azp", _MICROSOFT + "appid"),
        identity_provider=claim(_MICROSOFT + "identityprovider", "identityprovider"),
        idp=claim("idp", _MICROSOFT + "idp"),
        idtyp=claim("idtyp", _MICROSOFT + "idtyp"),
        display=claim("name", _MICROSOFT + "displayname"),
        object_id=claim(_MICROSOFT + "objectidentifier", "oid", _MICROSOFT + "oid", "objectidentifier"),
        puid=claim("puid", _MICROSOFT + "puid"),
        tenant_id=claim(_MICROSOFT + "tenantid", "tid", _MICROSOFT + "tid", "tenantid"),
        name=claim(_XMLSOAP + "name"),
        upn=claim(
            *(_XMLSOAP + "upn", "upn", "unique_name", _XMLSOAP + "unique_name"),
            *("preferred_username", _XMLSOAP + "preferred_username"),
        ),
        email=claim(_XMLSOAP + "emailaddress", "email", "emailaddress", _XMLSOAP + "email"),
        mirid=claim("xms_mirid", _MICROSOFT + "xms_mirid"),
    )
    if caller and found == Claims(tenant_id=found.tenant_id):
        sort = (said("objectclass", "objecttype", "principaltype") or "").lower()
        found = Claims(
            appid=said("appid", "applicationid", "clientid"),
            idtyp="user" if sort == "user" else "app" if sort else None,
            display=said("name", "username", "displayname"),
            object_id=said("objectid", "objectidentifier", "oid", "principalid"),
            tenant_id=found.tenant_id or said("tenantid", "tid"),
            upn=said("upn", "userprincipalname"),
            email=said("email", "emailaddress", "mail"),
        )
    return found if claims or caller else None
