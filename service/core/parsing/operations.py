"""What was done, when, from where, on what, and how it ended: single fields of a record made comparable.

Each function takes one value as it was sent and returns it in the one form that the rest of the service knows.
"""

import hashlib
import ipaddress
import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice

from models.stream import Outcome
from service.core.parsing.rejects import Refusal, RejectReason

LONGEST_ACTION = 512
"""Azure's own names end below 200 characters; a longer one is cut, and a digest of the whole keeps it distinct."""

_DOT_NET = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})\s(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?:[\s\u202f]([AaPp])[Mm])?"
    r"(?:\s?(Z|[+-]\d{2}:?\d{2}))?",
    re.ASCII,
)


def read_time(text: str) -> datetime:
    """Return the instant that `text` names, aware UTC, in microseconds (a seventh digit is cut, not rounded).

    ISO 8601 must carry an offset or Z. ``M/d/yyyy h:mm:ss tt`` and ``M/d/yyyy H:mm:ss`` without an offset are UTC:
    that is how Azure's own exports write the activity log's UTC times. Any other time without a zone is refused,
    because guessing would move an event by hours.

    Raises
    ------
    Refusal
        BAD_TIME.

    Examples
    --------
    >>> read_time("2019-01-21T22:14:26.9792776Z").isoformat()
    '2019-01-21T22:14:26.979277+00:00'
    >>> read_time("1/21/2019 10:14:26 PM").isoformat()
    '2019-01-21T22:14:26+00:00'
    """
    try:
        moment = _read_dot_net(text) or datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise Refusal(RejectReason.BAD_TIME, f"no time zone in {text!r}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refusal(RejectReason.BAD_TIME, f"cannot read {text[:64]!r}") from error


def _read_dot_net(text: str) -> datetime | None:
    match = _DOT_NET.fullmatch(text.strip())
    if match is None:
        return None
    month, day, year, hour, minute, second, fraction, half, zone = match.groups()
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(hours)
        hours = hours % 12 + (12 if half in "pP" else 0)
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    return datetime(int(year), int(month), int(day), hours, int(minute), int(second or 0), microsecond, _zone(zone))


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def read_action(operation_name: str | None, authorised: str | None) -> tuple[str, str]:
    """Return the action folded for comparison, and as it was written.

    `operation_name` is taken if it is an operation (``provider/type/verb``); a display name (old exports) gives way to
    the action that was authorised. Either may be missing, not both.

    Raises
    ------
    Refusal
        NO_ACTION.
    """
    name = (operation_name or "").strip()
    if authorised and "/" not in name and "/" in authorised:
        name = authorised.strip()
    if not name:
        raise Refusal(RejectReason.NO_ACTION, "neither operationName nor authorization.action")
    if len(name) > LONGEST_ACTION:
        digest = hashlib.blake2b(name.casefold().encode("utf-8", "replace"), digest_size=8).hexdigest()
        name = f"{name[: LONGEST_ACTION - 17]}~{digest}"
    return name.casefold(), name


def read_address(text: str) -> str:
    """Return an IP address in its canonical form without port, brackets or zone; empty if it is none.

    Examples
    --------
    >>> read_address("[2001:DB8::1]:443"), read_address("203.0.113.7:50123"), read_address("::ffff:203.0.113.7")
    ('2001:db8::1', '203.0.113.7', '203.0.113.7')
    """
    text = text.partition(",")[0].strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
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
    **dict.fromkeys(("failure", "failed", "fail", "error", "timeout", "timedout"), Outcome.FAILURE),
    **dict.fromkeys(("canceled", "cancelled", "conflict", "badrequest", "notfound"), Outcome.FAILURE),
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


def outcome_of(word: str) -> Outcome | None:
    """Return what a single status word or code says, or None if it says nothing."""
    folded = word.replace(" ", "").lower()
    if folded.isascii() and folded.isdigit() and len(folded) <= 9:
        number = int(folded)
        if number == 202:
            return Outcome.STARTED
        return Outcome.SUCCESS if number == 0 or 100 <= number < 400 else Outcome.FAILURE
    return _WORDS.get(folded)
