"""What was done, from where, on what, and how it ended: single fields of a record made comparable.

Each function takes one value as it was sent and returns it in the one form that the rest of the service knows.
"""

import hashlib
import ipaddress
import re
from itertools import islice

from models.stream import Outcome, display_name
from service.core.parsing.rejects import Refusal, RejectReason

LONGEST_ACTION = 512
"""Azure's own names end below 200 characters; a longer one is cut, and a digest of the whole keeps it distinct."""


def read_action(operation_name: str | None, authorised: str | None) -> tuple[str, str]:
    """Return the action folded for comparison, and as it is to be shown.

    `operation_name` is taken if it is an operation (``provider/type/verb``); a display name (old exports) gives way to
    the action that was authorised. Either may be missing, not both. Where both name the same, the better casing of
    the two is shown: the export writes the first in capitals, the second as the provider publishes it.

    Raises
    ------
    Refusal
        NO_ACTION.
    """
    name, authorised = (operation_name or "").strip(), (authorised or "").strip()
    if "/" not in name and "/" in authorised:
        name = authorised
    elif name.casefold() == authorised.casefold():
        name = display_name(name, authorised)
    if not name:
        raise Refusal(RejectReason.NO_ACTION, "neither operationName nor authorization.action")
    if len(name) > LONGEST_ACTION:
        digest = hashlib.blake2b(name.casefold().encode("utf-8", "replace"), digest_size=8).hexdigest()
        name = f"{name[: LONGEST_ACTION - 17]}~{digest}"
    return name.casefold(), name


LONGEST_ADDRESSES = 1024
"""Of a list of addresses, no more is looked at."""

_LONGEST_ADDRESS = 80
_BETWEEN = re.compile(r"[\s,;]+")
_PORTED = re.compile(  # after IPv6 without brackets, only what is too long for a part of the address is a port
    r"(?:[0-9a-f:]*:)?((?:\d{1,3}\.){3}\d{1,3}):\d*|([0-9a-f:]+:[0-9a-f]*):\d{5}", re.IGNORECASE | re.ASCII
)


def read_address(text: str) -> str:
    """Return an IP address in its canonical form without port, brackets or zone; empty if it is none.

    Of a list the first that is an address.

    Examples
    --------
    >>> read_address("[2001:DB8::1]:443"), read_address("203.0.113.7:50123"), read_address("::ffff:203.0.113.7:443")
    ('2001:db8::1', '203.0.113.7', '203.0.113.7')
    >>> read_address("unknown, 203.0.113.7")
    '203.0.113.7'
    """
    return next(filter(None, map(_read_single_address, _BETWEEN.split(text[:LONGEST_ADDRESSES]))), "")


def _read_single_address(text: str) -> str:
    text = text.strip("\"'")
    if len(text) > _LONGEST_ADDRESS:
        return ""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif ported := _PORTED.fullmatch(text):
        text = ported[1] or ported[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


_SCOPE = re.compile(
    r"/subscriptions/([^/]++)|/providers/microsoft\.management/(managementgroups/[^/]++)", re.IGNORECASE
)


def read_scope(resource: str) -> str:
    """Return the subscription id, or ``managementgroups/<name>``, in lower case; empty for a tenant's resources.

    Examples
    --------
    >>> read_scope("/SUBSCRIPTIONS/AB12/RESOURCEGROUPS/RG")
    'ab12'
    >>> read_scope("/providers/Microsoft.Management/managementGroups/Root")
    'managementgroups/root'
    """
    match = _SCOPE.match(resource)
    return (match[1] or match[2]).lower() if match else ""


_WORDS = {
    **dict.fromkeys(("start", "started", "accept", "accepted", "active", "inprogress", "running"), Outcome.STARTED),
    **dict.fromkeys(("pending", "queued", "created/accepted", "begin"), Outcome.STARTED),
    **dict.fromkeys(("success", "succeeded", "ok", "created", "nocontent", "updated", "resolved"), Outcome.SUCCESS),
    **dict.fromkeys(("completed", "succeed", "notmodified"), Outcome.SUCCESS),
    **dict.fromkeys(("partialcontent", "multistatus", "seeother", "temporaryredirect"), Outcome.SUCCESS),
    **dict.fromkeys(("failure", "failed", "fail", "error", "timeout", "timedout"), Outcome.FAILURE),
    **dict.fromkeys(("canceled", "cancelled", "cancel", "conflict", "badrequest", "notfound"), Outcome.FAILURE),
    **dict.fromkeys(("methodnotallowed", "preconditionfailed", "gone", "locked", "toomanyrequests"), Outcome.FAILURE),
    **dict.fromkeys(("unprocessableentity", "unsupportedmediatype", "requesttimeout"), Outcome.FAILURE),
    **dict.fromkeys(("internalservererror", "serviceunavailable", "badgateway", "gatewaytimeout"), Outcome.FAILURE),
    **dict.fromkeys(("denied", "forbidden", "unauthorized", "accessdenied"), Outcome.DENIED),
}
_DENIALS = frozenset({"401", "403", "forbidden", "unauthorized", "denied", "accessdenied", "authorizationfailure"}) | {
    "authorizationpermissionmismatch",
    "insufficientaccountpermissions",
    "authorization_requestdenied",
    "forbiddenbyrbac",
    "forbiddenbypolicy",  # Key Vault's access policy, not Azure Policy
    "forbiddenbyfirewall",
    "insufficientprivileges",
    "invalidauthenticationtoken",
    "authenticationfailed",
    "expiredauthenticationtoken",
}
_POLICY = ("requestdisallowedbypolicy", "requestdisallowedbyazure")
_CODE = re.compile(rb"""\\*+["']code\\*+["']\s*+:\s*+\\*+["']([\w.]{1,80}+)""", re.IGNORECASE)
_GENERIC = frozenset({"badrequest", "conflict", "deploymentfailed", "resourcedeploymentfailure", "forbidden"})
_LONGEST_MESSAGE = 8192


def read_codes(message: bytes) -> tuple[str, ...]:
    """Return the error codes in a status message, outermost first, at most eight; it is JSON, perhaps as JSON text.

    Examples
    --------
    >>> read_codes(b'{"error":{"code":"AuthorizationFailed","message":"The client does not have authorization"}}')
    ('AuthorizationFailed',)
    """
    found = islice(_CODE.finditer(message[:_LONGEST_MESSAGE]), 8)
    return tuple(match[1].decode() for match in found)


def read_outcome(
    result_type: str, signature: str, status_code: str, codes: tuple[str, ...] = ()
) -> tuple[Outcome, str]:
    """Return how the operation ended, and the most telling word or code for it, as it was sent.

    The first of result type, signature and status code that says anything decides between start, success and failure;
    a record that says nothing counts as a start, so that any other record of the operation overrules it. A failure
    becomes DENIED if a status (401, 403 and their names) or an error code (``…AuthorizationFailed`` and kin) says that
    permission was missing. A denial by Azure Policy is answered with 403 too, but is a FAILURE: the identity was
    allowed, the request was not.
    """
    result_type, signature, status_code = plain_word(result_type), plain_word(signature), plain_word(status_code)
    family, _, detail = signature.partition(".")
    outcome = Outcome.STARTED
    for word in (result_type, family, detail, status_code):
        known = outcome_of(word)
        if known is not None:
            outcome = known
            break
    if not outcome.failed:
        return outcome, result_type or signature or status_code
    telling = [word for word in (*codes, status_code, detail or family, result_type) if _tells_failure(word)]
    for word in telling:
        if word.lower().startswith(_POLICY):
            return Outcome.FAILURE, word
    for word in telling:
        if word.lower() in _DENIALS or word.lower().endswith("authorizationfailed"):
            return Outcome.DENIED, word
    specific = [word for word in telling if word.lower() not in _GENERIC] if codes else []
    return outcome, (specific or telling or [result_type or signature])[0]


def _tells_failure(word: str) -> bool:
    known = outcome_of(word)
    return bool(word) and (known is None or known.failed)


_DRESSED = re.compile(
    r"(?:(?P<word>[A-Z][A-Z.]*(?: [A-Z.]+){0,3}) ?\()? ?(?:http ?)?status ?code ?:? ?(?P<code>\d{3}) ?\)?"
    r"|(?:http ?)?(?P<number>\d{3}) ?[-:]? ?(?P<name>[A-Z]+(?: [A-Z]+){0,3})",
    re.IGNORECASE | re.ASCII,
)


def plain_word(text: str) -> str:
    """Return the status word of a text that says it with its number, as the portal and PowerShell do.

    Examples
    --------
    >>> [plain_word(text) for text in ("Forbidden (HTTP Status Code: 403)", "403 Forbidden", "HTTP Status Code: 403")]
    ['Forbidden', 'Forbidden', '403']
    """
    text = text.strip()
    dressed = _DRESSED.fullmatch(text) if len(text) < 128 else None
    return (dressed["word"] or dressed["name"] or dressed["code"]).strip() if dressed else text


def outcome_of(word: str) -> Outcome | None:
    """Return what a single status word or code says, or None if it says nothing."""
    folded = plain_word(word).replace(" ", "").lower()
    if folded.isascii() and folded.isdigit() and len(folded) <= 9:
        number = int(folded)
        if number == 202:
            return Outcome.STARTED
        return Outcome.SUCCESS if number == 0 or 100 <= number < 400 else Outcome.FAILURE
    return _WORDS.get(folded)
