"""Turns one record into an event.

Most of a record repeats what earlier ones said, so each part is a pure function whose results are remembered.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from models.stream import ActivityEvent, Actor, Outcome
from service.core.parsing.actors import certain, resolve
from service.core.parsing.categories import ADMINISTRATIVE, LeftOut, category_of, is_evaluation, policy
from service.core.parsing.memo import Memo
from service.core.parsing.operations import (
    outcome_of,
    plain_word,
    read_action,
    read_address,
    read_codes,
    read_outcome,
    read_scope,
)
from service.core.parsing.records import Authorization, Claims, Code, Extras, Identity, Properties, Record, Who
from service.core.parsing.rejects import Refusal, RejectReason
from service.core.parsing.times import read_time

LONGEST_RESOURCE: Final = 2048
LONGEST_WORD: Final = 256
LONGEST_KEY: Final = 1024
"""Characters of an operation's names, or of a resource id, beyond which what they mean is not remembered."""

LARGEST_KEY: Final = 2048
"""Characters of claims beyond which an actor is not remembered; real ones take about 400."""

_new = tuple.__new__  # a named tuple's own constructor is a Python function, and half as fast
_GUID: Final = 36
_NO_CORRELATION: Final = "00000000-0000-0000-0000-000000000000"
_EVALUATION: Final = ("", "", "")

_Caller = tuple[str | None, Claims | None, Who]
_Names = tuple[str | None, str | None]


class RecordReader:
    """Reads records, one at a time.

    Parameters
    ----------
    cached
        Entries that each cache holds before it starts afresh.
    """

    def __init__(self, *, cached: int) -> None:
        # equal identities and actions are one object, because the state holds a great many of them
        self._known_actors: Memo[Actor, Actor] = Memo(lambda actor: actor, limit=cached, longest=LARGEST_KEY)
        self._known_actions: Memo[str, str] = Memo(lambda action: action, limit=cached, longest=LONGEST_KEY)
        self._certain: Memo[Claims | str | None, Actor] = Memo(
            lambda claims: self._known_actors[_certain(claims)], limit=cached, longest=LARGEST_KEY
        )
        self._actors: Memo[_Caller, Actor] = Memo(
            lambda caller: self._known_actors[resolve(*caller)], limit=cached, longest=LARGEST_KEY
        )
        self._activities: Memo[_Names, tuple[str, str, str]] = Memo(
            lambda key: _activity(key, self._known_actions), limit=cached, longest=LONGEST_KEY
        )
        self._endings = Memo(_ending, limit=cached, longest=LONGEST_WORD)
        self._failures = Memo(_ended, limit=cached, longest=LONGEST_WORD)
        self._places = Memo(_place, limit=cached, longest=LONGEST_KEY)
        self._addresses = Memo(_address, limit=cached, longest=LONGEST_WORD)

    def read(self, record: Record, extras: Extras | None = None) -> ActivityEvent | LeftOut:
        """Turn a record into an event, or say what it is instead.

        Without extras this is the first, hasty look: a record without the usual fields is refused, because they may
        be there under another name.

        Raises
        ------
        Refusal
            NO_TIME, BAD_TIME, NO_ACTION, or any reason in haste.
        """
        properties, identity = record.properties, record.identity
        word = properties.event_category if type(properties) is Properties else _no_category(properties)
        if (word or record.category) not in ADMINISTRATIVE and (other := _left_out(record, word, extras)):
            return other
        if type(identity) is not Identity:
            raise _look_again()
        claims, authorization = identity.claims, identity.authorization
        if type(authorization) is not Authorization:
            raise _look_again()
        activity = self._activities[record.operation_name, authorization.action]
        if activity is _EVALUATION:
            return LeftOut.POLICY_EVALUATION
        action, action_name, action_mark = activity
        actor = self._certain[claims] if extras is None else self._actors[_caller(record, extras)]
        outcome, result = self._endings[record.result_type] or self._failure(record, extras)
        resource, scope, resource_mark = self._places[record.resource_id]
        scope = scope or _subscription(extras)
        address = self._addresses[record.caller_ip_address]
        time = _time(record.time)
        correlation = record.correlation_id
        if correlation is None or len(correlation) != _GUID or correlation == _NO_CORRELATION:
            said = (time.isoformat(), actor.id, action, resource, str(outcome), result, address)
            correlation, thread = _thread(correlation, said, extras)
        else:
            thread = correlation.lower()
        operation = f"{thread}.{action_mark}.{resource_mark}"
        return _new(
            ActivityEvent,
            (time, actor, action, action_name, outcome, operation, resource, scope, address, result, correlation),
        )

    def _failure(self, record: Record, extras: Extras | None) -> tuple[Outcome, str]:
        """Return what a record says that does not simply begin or succeed."""
        properties = record.properties
        status_code: Code = None
        codes: tuple[str, ...] = ()
        if type(properties) is Properties:
            status_code, codes = properties.status_code, read_codes(bytes(properties.status_message))
        if extras is None and (record.result_type is None or (status_code is None and not codes)):
            raise _look_again()
        return self._failures[record.result_type, record.result_signature, status_code, codes]


def _look_again() -> Refusal:
    return Refusal(RejectReason.NOT_A_RECORD, "incomplete at first sight")


def _no_category(properties: Properties | str | None) -> str | None:
    if properties is not None:  # JSON text, to be decoded first
        raise _look_again()
    return None


def _left_out(record: Record, event_category: str | None, extras: Extras | None) -> LeftOut | None:
    if extras is None and record.category is None:
        raise _look_again()
    other = category_of(event_category, record.category, record.operation_name, record.resource_id)
    if other is not LeftOut.POLICY:
        return other
    identity = record.identity
    if type(identity) is not Identity or type(identity.authorization) is not Authorization:
        raise _look_again()
    if policy(identity.authorization.action or "") is LeftOut.POLICY_EVALUATION and "/" not in (
        record.operation_name or ""
    ):
        return LeftOut.POLICY_EVALUATION
    if identity.claims or (extras and (extras.who.caller or extras.who.principal_id)):
        return None
    if extras is None:
        raise _look_again()
    return other


def _activity(key: _Names, known: Mapping[str, str]) -> tuple[str, str, str]:
    """Return the action, its name for display, and its mark in an operation's identity."""
    name, authorised = key
    if name is None or authorised is None:
        raise _look_again()
    action, display = read_action(name, authorised)
    return _EVALUATION if is_evaluation(action) else (known[action], display, _mark(action))


def _caller(record: Record, extras: Extras) -> _Caller:
    claims = record.identity.claims if isinstance(record.identity, Identity) else None
    return record.tenant_id, claims if isinstance(claims, Claims) else None, extras.who


def _certain(claims: Claims | str | None) -> Actor:
    if not isinstance(claims, Claims) or not certain(claims):
        raise _look_again()
    return resolve(None, claims, None)


def _ending(result_type: Code) -> tuple[Outcome, str] | None:
    """Return outcome and result where the result type alone decides: all but failures."""
    word = plain_word(_word(result_type))
    outcome = outcome_of(word)
    return None if outcome is None or outcome.failed else (outcome, word[:LONGEST_WORD])


def _ended(key: tuple[Code, Code, Code, tuple[str, ...]]) -> tuple[Outcome, str]:
    result_type, signature, status_code, codes = key
    outcome, result = read_outcome(_word(result_type), _word(signature), _word(status_code), codes)
    return outcome, result[:LONGEST_WORD]


def _place(resource_id: str | None) -> tuple[str, str, str]:
    """Return the resource as shown, its subscription, and its mark in an operation's identity."""
    if resource_id is None:
        raise _look_again()
    resource = resource_id.strip()
    return resource[:LONGEST_RESOURCE], read_scope(resource)[:LONGEST_WORD], _mark(resource.lower())


def _subscription(extras: Extras | None) -> str:
    if extras is None:
        raise _look_again()
    return (extras.subscription_id or "").lower()[:LONGEST_WORD]


def _address(text: str | None) -> str:
    return read_address(text or "")


def _time(text: str | None) -> datetime:
    if text is None:
        raise Refusal(RejectReason.NO_TIME, "no time")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return read_time(text)
    return moment if moment.tzinfo is UTC else read_time(text)


def _thread(correlation: str | None, said: tuple[str, ...], extras: Extras | None) -> tuple[str, str]:
    """Return correlation and thread where there is no GUID: a digest of what there is, or of the record itself.

    A record without correlation is an operation of its own, known by its event id or its content, so that a second
    copy of it is the same operation.
    """
    if extras is None:
        raise _look_again()
    if correlation and correlation != _NO_CORRELATION:
        return correlation[:LONGEST_WORD], _mark(correlation.lower())
    return "", _mark("\0".join((extras.event_data_id or "", *(said if not extras.event_data_id else ()))).lower())


def _mark(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _word(code: Code) -> str:
    if isinstance(code, float) and code.is_integer():
        code = int(code)
    return "" if code is None else str(code).strip()
